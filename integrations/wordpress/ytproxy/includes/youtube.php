<?php
/** What YouTube's links look like. Text in, values out. */

namespace Ytproxy;

defined( 'ABSPATH' ) || exit;

const PAGE_HOSTS  = '(?:(?:www|m|music)\.)?(?:youtube(?:-nocookie|education|kids)?\.com|youtu\.be)|youtube\.googleapis\.com';
const IMAGE_HOSTS = '(?:i[1-9]?\.ytimg|img\.youtube)\.com';
// 64 bits in eleven characters leave two spare ones in the last.
const VIDEO = '[A-Za-z0-9_-]{10}[AEIMQUYcgkosw048]';
const LISTS = '(?:PL|UU|FL|LL|RD|EC|SP|TL|UL|PU|OLAK5uy_)[A-Za-z0-9_-]{10,64}';

// What a link may say to the player, in the order in which the server writes it.
const PARAMETERS = array(
	'start',
	'end',
	'list',
	'playlist',
	'color',
	'iv_load_policy',
	'hl',
	'cc_lang_pref',
	'loop',
	'controls',
	'rel',
	'cc_load_policy',
	'fs',
	'disablekb',
	'mute',
	'playsinline',
	'clip',
	'clipt',
);

/** A video, or a list where the video is empty, with checked parameters for the player. */
final class Target {
	/** @param array<string, string> $parameters */
	public function __construct( public string $video, public array $parameters, public bool $is_short ) {}

	/** What stands behind /embed/ on the server. */
	public function path(): string {
		$query = http_build_query( $this->parameters );
		return ( $this->video ?: 'videoseries' ) . ( $query ? "?$query" : '' );
	}
}

function is_youtube( string $url ): bool {
	return (bool) preg_match( '#^\s*(?:https?:)?//(?:' . PAGE_HOSTS . ')/#i', $url );
}

/** What a link to YouTube shows; null for another link, and for pages that show neither a video nor a list. */
function target_of( string $url ): ?Target {
	$url = preg_replace( '/&(?:amp;|#0*38;)+/i', '&', trim( $url ) );
	if ( ! is_youtube( $url ) ) {
		return null;
	}
	// Links hold `?` and `&` in each other's place; of a name given twice YouTube takes the first.
	$parts = preg_split( '/[?&#]/', $url );
	$path  = rtrim( preg_replace( '#^(?:https?:)?//#i', '', array_shift( $parts ) ), '/' );
	$query = array();
	foreach ( $parts as $part ) {
		list( $name, $value ) = explode( '=', $part, 2 ) + array( 1 => '' );
		$name   = in_array( $name, array( 't', 'time_continue' ), true ) ? 'start' : $name;
		$query += array( $name => rawurldecode( $value ) );
	}
	$video = '';
	if ( preg_match( '#(?:^(?i:youtu\.be)|/(?:embed|shorts|live|watch|v|vi|e|w))/(' . VIDEO . ')$#D', $path, $found ) ) {
		$video = $found[1];
	} elseif ( preg_match( '#/(?:embed/)?watch$|/embed$|^[^/]+$#D', $path ) && preg_match( '/^' . VIDEO . '$/D', $query['v'] ?? '' ) ) {
		$video = $query['v'];
	}
	if ( ! preg_match( '/^' . LISTS . '$/D', $query['list'] ?? '' ) ) {
		unset( $query['list'] );
	}
	$video = 'videoseries' === $video ? '' : $video;
	if ( '' === $video && ! isset( $query['list'] ) ) {
		return null;
	}
	$parameters = array();
	foreach ( PARAMETERS as $name ) {
		if ( preg_match( '/^[A-Za-z0-9_.,=-]{1,2000}$/D', $query[ $name ] ?? '' ) ) {
			$parameters[ $name ] = $query[ $name ];
		}
	}
	return new Target( $video, $parameters, (bool) preg_match( '#/shorts/#', $path ) );
}
