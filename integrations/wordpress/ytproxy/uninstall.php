<?php
/** WordPress runs this when the plugin is deleted. The setting is all that it ever kept. */

defined( 'WP_UNINSTALL_PLUGIN' ) || exit;

delete_option( 'ytproxy' );
if ( is_multisite() ) {
	foreach ( get_sites( array( 'fields' => 'ids', 'number' => 0 ) ) as $ytproxy_site ) {
		delete_blog_option( $ytproxy_site, 'ytproxy' );
	}
}
