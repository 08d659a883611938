<?php
/** All HTML that visitors get: previews of the owner's server in place of what would call YouTube. */

namespace Ytproxy;

defined( 'ABSPATH' ) || exit;

// What YouTube's own embed code grants its player. A frame must grant as much, or the player goes without.
const PLAYER_ALLOW = 'accelerometer; autoplay; clipboard-write; encrypted-media; fullscreen; gyroscope; picture-in-picture; web-share';

// The names that the server has; any other one means some picture of the video.
const THUMBNAILS = array( 'default', 'mqdefault', 'hqdefault', '0', 'sddefault', 'hq720', 'maxresdefault' );

/** A preview that fits into a box, in CSS pixels. */
function preview( Target $target, int $max_width_px, int $max_height_px ): string {
	list( $across, $down ) = $target->is_short ? array( 9, 16 ) : array( 16, 9 );
	$width_px  = (int) round( min( $max_width_px, $max_height_px * $across / $down ) );
	$height_px = (int) round( $width_px * $down / $across );
	return sprintf(
		'<iframe class="ytproxy" src="%s" title="%s" width="%d" height="%d" loading="lazy" allow="%s" allowfullscreen referrerpolicy="strict-origin-when-cross-origin" style="aspect-ratio:%d/%d"></iframe>',
		esc_url( server() . '/embed/' . $target->path() ),
		esc_attr__( 'YouTube video', 'ytproxy' ),
		$width_px,
		$height_px,
		esc_attr( PLAYER_ALLOW ),
		$across,
		$down
	);
}

/** A linked picture, for feeds, where no frame is shown. */
function picture_link( Target $target ): string {
	$text = __( 'YouTube video', 'ytproxy' );
	if ( '' === $target->video ) {
		$href = server() . '/playlist?list=' . $target->parameters['list'];
		return sprintf( '<a href="%s">%s</a>', esc_url( $href ), esc_html( $text ) );
	}
	list( $name, $width_px, $height_px ) = $target->is_short ? array( 'portrait-360', 360, 640 ) : array( '640', 640, 360 );
	return sprintf(
		'<a href="%s"><img src="%s" alt="%s" width="%d" height="%d"></a>',
		esc_url( server() . '/watch?v=' . $target->video ),
		esc_url( server() . "/thumbnail/{$target->video}/$name.jpg" ),
		esc_attr( $text ),
		$width_px,
		$height_px
	);
}

/** What stands in the place of a link to YouTube: a preview, or the link itself where it shows no video. */
function markup_for( string $url, int $max_width_px, int $max_height_px ): string {
	$target = target_of( $url );
	if ( ! $target ) {
		return sprintf( '<a href="%1$s">%2$s</a>', esc_url( $url ), esc_html( $url ) );
	}
	return is_feed() ? picture_link( $target ) : preview( $target, $max_width_px, $max_height_px );
}

/** HTML whose frames, Flash players and thumbnails of YouTube have become the owner's server's. */
function without_youtube( string $html ): string {
	if ( ! preg_match( '/youtu|ytimg/i', $html ) ) {
		return $html;
	}
	$steps = array(
		'~<object\b[^>]*>.*?</object\s*>|<embed\b[^>]*>~is' => __NAMESPACE__ . '\flash_changed',
		'~<iframe\b[^>]*>~i' => __NAMESPACE__ . '\frame_changed',
		'~<(?!a\b|meta\b)[a-z][^<>]*' . IMAGE_HOSTS . '[^<>]*>|<style\b[^>]*>.*?</style\s*>~is' => __NAMESPACE__ . '\pictures_changed',
	);
	foreach ( $steps as $pattern => $change ) {
		$html = preg_replace_callback( $pattern, $change, $html ) ?? $html;
	}
	return $html;
}

/** @param string[] $found */
function frame_changed( array $found ): string {
	return preg_replace_callback(
		'#(?:https?:)?//(' . PAGE_HOSTS . ')(/[^\s"\'<>\\\\]*)#i',
		static function ( array $address ): string {
			// The server reads YouTube's own embed addresses, so that all they say is kept.
			if ( preg_match( '#^/embed(?=[/?])#i', $address[2] ) ) {
				return esc_url( server() ) . $address[2];
			}
			$target = target_of( html_entity_decode( $address[0] ) );
			return $target ? esc_url( server() . '/embed/' . $target->path() ) : $address[0];
		},
		$found[0]
	);
}

/** @param string[] $found */
function flash_changed( array $found ): string {
	if ( ! preg_match( '#(?:https?:)?//(?:' . PAGE_HOSTS . ')/[^\s"\'<>]+#i', $found[0], $address ) ) {
		return $found[0];
	}
	$target   = target_of( html_entity_decode( $address[0] ) );
	$width_px = preg_match( '/\bwidth\s*[=:]\s*["\']?(\d+)(?![\d%])/i', $found[0], $width ) ? (int) $width[1] : 560;
	return $target ? preview( $target, $width_px, $width_px * 2 ) : $found[0];
}

/** @param string[] $found */
function pictures_changed( array $found ): string {
	return preg_replace_callback(
		'#(?:https?:)?//' . IMAGE_HOSTS . '/(vi|vi_webp)/(' . VIDEO . ')/(\w+)\.(?:jpg|webp)(?:\?[^\s"\'<>)]*)?#i',
		static function ( array $address ): string {
			$name = in_array( $address[3], THUMBNAILS, true ) ? $address[3] : 'hqdefault';
			$type = 'vi' === $address[1] ? 'jpg' : 'webp';
			return esc_url( server() . "/{$address[1]}/{$address[2]}/$name.$type" );
		},
		$found[0]
	);
}
