<?php
/** A must-use plugin: WordPress asks no other server, and what it would have asked is written down. */

add_filter(
	'pre_http_request',
	static function ( $answer, $arguments, $url ) {
		file_put_contents( dirname( ABSPATH ) . '/requests', "$url\n", FILE_APPEND );
		return new WP_Error( 'refused', 'no requests from here' );
	},
	10,
	3
);
