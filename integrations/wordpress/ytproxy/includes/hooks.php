<?php
/** Where WordPress is told. No hook here makes a request: a preview is made from the link alone. */

namespace Ytproxy;

defined( 'ABSPATH' ) || exit;

// Whatever holds HTML that an author wrote.
const CONTENT_FILTERS = array(
	'the_content',
	'widget_text_content',
	'widget_block_content',
	'widget_custom_html_content',
	'term_description',
	'render_block_core/html',
	'render_block_core/template-part',
);

function add_hooks(): void {
	// Handlers are asked before WordPress's oEmbed cache: what it holds of YouTube's is not shown any more.
	wp_embed_register_handler(
		'ytproxy',
		'#^https?://(?:' . PAGE_HOSTS . ')/#i',
		static fn( array $match, array $size, string $url ): string => markup_for( $url, ...box( $size ) ),
		1
	);
	add_filter( 'pre_oembed_result', __NAMESPACE__ . '\answer_oembed', 10, 3 );
	add_filter( 'rest_dispatch_request', __NAMESPACE__ . '\answer_editor', 10, 3 );
	add_filter( 'wp_video_shortcode_override', __NAMESPACE__ . '\answer_video_shortcode', 10, 2 );
	add_filter( 'is_header_video_active', __NAMESPACE__ . '\refuse_header_video' );
	add_filter( 'wp_resource_hints', __NAMESPACE__ . '\remove_hints', 99 );
	add_action( 'wp_enqueue_scripts', __NAMESPACE__ . '\add_style' );
	if ( changes_pasted() ) {
		foreach ( CONTENT_FILTERS as $filter ) {
			add_filter( $filter, static fn( $html ) => is_string( $html ) ? without_youtube( $html ) : $html, 99 );
		}
	}
}

/**
 * The box that a theme or an author gives, in CSS pixels.
 *
 * @param array<string, mixed> $size
 * @return int[]
 */
function box( array $size ): array {
	$size += array( 'width' => 0, 'height' => 0 );
	return array( absint( $size['width'] ) ?: 560, absint( $size['height'] ) ?: 1000 );
}

/**
 * Themes and plugins that ask for a link's HTML.
 *
 * @param string|null          $html
 * @param string               $url
 * @param string|array<string> $size
 */
function answer_oembed( $html, $url, $size ): ?string {
	return is_youtube( $url ) ? markup_for( $url, ...box( wp_parse_args( $size ) ) ) : $html;
}

/**
 * The block editor's preview of a link. WordPress has checked by then who asks.
 *
 * @param mixed            $answer
 * @param \WP_REST_Request $request
 * @param string           $route
 * @return mixed
 */
function answer_editor( $answer, $request, $route ) {
	$target = '/oembed/1.0/proxy' === $route ? target_of( (string) $request['url'] ) : null;
	if ( ! $target ) {
		return $answer;
	}
	return (object) array(
		'version'       => '1.0',
		'type'          => 'video',
		'provider_name' => 'YouTube', // by which the editor knows its YouTube block
		'html'          => preview( $target, ...box( array( 'width' => $request['maxwidth'], 'height' => $request['maxheight'] ) ) ),
	);
}

/**
 * @param string               $html
 * @param array<string, mixed> $attributes
 */
function answer_video_shortcode( $html, $attributes ): string {
	$url = (string) ( ( (array) $attributes )['src'] ?? '' );
	return is_youtube( $url ) ? markup_for( $url, ...box( (array) $attributes ) ) : $html;
}

/** A video in the header loads YouTube's script by itself. The header's picture is shown instead. */
function refuse_header_video( bool $is_active ): bool {
	return $is_active && ! is_youtube( (string) get_header_video_url() );
}

/**
 * @param array<string|array<string, string>> $hints
 * @return array<string|array<string, string>>
 */
function remove_hints( array $hints ): array {
	$is_other = static function ( $hint ): bool {
		$address = is_array( $hint ) ? ( $hint['href'] ?? '' ) : $hint;
		return ! preg_match( '#^(?:(?:https?:)?//)?(?:' . PAGE_HOSTS . '|' . IMAGE_HOSTS . '|(?:s|www)\.ytimg\.com)(?:[/:?]|$)#i', $address );
	};
	return array_values( array_filter( $hints, $is_other ) );
}

/** A preview is as wide as there is room for it. Of no weight, so that any theme's own rule wins. */
function add_style(): void {
	wp_register_style( 'ytproxy', false, array(), '0.1.0' );
	wp_enqueue_style( 'ytproxy' );
	wp_add_inline_style( 'ytproxy', ':where(iframe.ytproxy){border:0;max-width:100%;height:auto}' );
}
