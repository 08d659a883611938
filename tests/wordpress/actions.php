<?php
/**
 * What the tests do within WordPress: php actions.php FOLDER NAME, with arguments as JSON on standard input.
 * What comes of it is JSON on standard output.
 */

// WordPress's files write into the same variables: these names are none of theirs.
list( , $ytproxy_folder, $ytproxy_action ) = $argv;
$ytproxy_arguments                         = json_decode( stream_get_contents( STDIN ), true );

if ( 'install' === $ytproxy_action ) {
	define( 'WP_INSTALLING', true );
}
$_SERVER['HTTP_HOST']       = '127.0.0.1';
$_SERVER['REQUEST_METHOD']  = 'GET';
$_SERVER['SERVER_PROTOCOL'] = 'HTTP/1.1';
require "$ytproxy_folder/wp-load.php";
require_once ABSPATH . 'wp-admin/includes/admin.php';

$ytproxy_actions = array(
	'install'   => static function ( $arguments ) {
		require_once ABSPATH . 'wp-admin/includes/upgrade.php';
		add_filter( 'pre_wp_mail', '__return_false' );
		wp_install( 'Videos', $arguments['user'], 'somebody@example.org', true, '', $arguments['password'] );
		switch_theme( 'plain' );
		$failure = activate_plugin( 'ytproxy/ytproxy.php' );
		return is_wp_error( $failure ) ? $failure->get_error_message() : null;
	},
	'user'      => static fn( $arguments ) => wp_create_user( $arguments['user'], $arguments['password'] ),
	'set'       => static fn( $arguments ) => update_option( 'ytproxy', $arguments ),
	'option'    => static fn() => get_option( 'ytproxy', null ),
	'theme_mod' => static function ( $arguments ) {
		foreach ( $arguments as $name => $value ) {
			set_theme_mod( $name, $value );
		}
	},
	'post'      => static function ( $arguments ) {
		wp_set_current_user( 1 ); // who may post any HTML
		$post = wp_insert_post(
			wp_slash(
				array(
					'post_title'   => 'Videos',
					'post_content' => $arguments['content'],
					'post_status'  => 'publish',
					'meta_input'   => $arguments['meta'],
				)
			),
			true
		);
		return is_wp_error( $post ) ? $post->get_error_message() : $post;
	},
	'oembed'    => static fn( $arguments ) => wp_oembed_get( $arguments['url'] ),
	// How WordPress names what it keeps of a link's oEmbed answer.
	'cache_key' => static fn( $arguments ) => md5( $arguments['url'] . serialize( wp_embed_defaults( $arguments['url'] ) ) ),
	'targets'   => static fn( $arguments ) => array_map(
		static fn( $url ) => \Ytproxy\target_of( $url )?->path(),
		$arguments['urls']
	),
	'uninstall' => static function () {
		deactivate_plugins( 'ytproxy/ytproxy.php' );
		uninstall_plugin( 'ytproxy/ytproxy.php' );
	},
	'activate'  => static fn() => activate_plugin( 'ytproxy/ytproxy.php' ),
);

echo wp_json_encode( $ytproxy_actions[ $ytproxy_action ]( $ytproxy_arguments ) );
