<?php
/**
 * Plugin Name: ytproxy
 * Description: Shows YouTube videos as previews from your own ytproxy. Nothing of YouTube loads before the visitor's click.
 * Version: 0.1.0
 * Requires at least: 6.1
 * Requires PHP: 8.0
 * License: MIT
 * License URI: https://opensource.org/license/mit
 * Text Domain: ytproxy
 */

namespace Ytproxy;

defined( 'ABSPATH' ) || exit;

require __DIR__ . '/includes/youtube.php';
require __DIR__ . '/includes/markup.php';
require __DIR__ . '/includes/hooks.php';

if ( is_admin() ) {
	require __DIR__ . '/includes/settings.php';
	add_action( 'admin_menu', __NAMESPACE__ . '\add_page' );
	add_action( 'admin_init', __NAMESPACE__ . '\register' );
	add_action( 'admin_notices', __NAMESPACE__ . '\say_if_server_is_missing' );
	add_filter( 'plugin_action_links_' . plugin_basename( __FILE__ ), __NAMESPACE__ . '\link_to_page' );
}

/** The address of the owner's ytproxy without a slash at its end; empty until it is named. */
function server(): string {
	return (string) ( get_option( 'ytproxy', array() )['server'] ?? '' );
}

/** Whether frames and pictures that stand in posts as HTML are to be changed as well. */
function changes_pasted(): bool {
	return (bool) ( get_option( 'ytproxy', array() )['pasted'] ?? true );
}

// Until a server is named, WordPress does what it did.
if ( '' !== server() ) {
	add_hooks();
}
