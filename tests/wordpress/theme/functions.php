<?php
/** A theme that does what themes do to YouTube: hints, and a video in the header. */

add_action(
	'after_setup_theme',
	static function () {
		add_theme_support( 'responsive-embeds' );
		add_theme_support( 'automatic-feed-links' );
		add_theme_support(
			'custom-header',
			array(
				'video'                 => true,
				'video-active-callback' => '__return_true',
			)
		);
	}
);
add_filter(
	'wp_resource_hints',
	static function ( $hints, $kind ) {
		$more = array(
			'dns-prefetch' => array( '//www.youtube.com', '//other.example.org' ),
			'preconnect'   => array( array( 'href' => 'https://i.ytimg.com', 'crossorigin' => '' ) ),
		);
		return array_merge( $hints, $more[ $kind ] ?? array() );
	},
	10,
	2
);
