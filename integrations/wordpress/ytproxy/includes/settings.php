<?php
/** The page "Settings → ytproxy". WordPress's own options.php takes it in, with its check of nonce and capability. */

namespace Ytproxy;

defined( 'ABSPATH' ) || exit;

function add_page(): void {
	add_options_page( 'ytproxy', 'ytproxy', 'manage_options', 'ytproxy', __NAMESPACE__ . '\show_page' );
}

function register(): void {
	register_setting(
		'ytproxy',
		'ytproxy',
		array(
			'type'              => 'array',
			'sanitize_callback' => __NAMESPACE__ . '\checked_setting',
		)
	);
}

/**
 * What was sent, or what holds already where that is no address.
 *
 * @param mixed $sent
 * @return array{server: string, pasted: bool}
 */
function checked_setting( $sent ): array {
	$sent   = (array) $sent;
	$server = rtrim( trim( (string) ( $sent['server'] ?? '' ) ), '/' );
	if ( '' !== $server && ! is_server( $server ) ) {
		add_settings_error(
			'ytproxy',
			'server',
			__( 'This is no address of a ytproxy. Use one such as https://video.example.org, without anything after a question mark.', 'ytproxy' )
		);
		$server = server();
	}
	return array(
		'server' => $server,
		'pasted' => ! empty( $sent['pasted'] ),
	);
}

function is_server( string $address ): bool {
	return preg_match( '#^https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::\d{1,5})?(?:/[A-Za-z0-9._~/-]*)?$#', $address )
		&& ! is_youtube( "$address/" );
}

function show_page(): void {
	if ( ! current_user_can( 'manage_options' ) ) {
		return;
	}
	?>
	<div class="wrap">
		<h1>ytproxy</h1>
		<form action="options.php" method="post">
			<?php settings_fields( 'ytproxy' ); ?>
			<table class="form-table" role="presentation">
				<tr>
					<th scope="row"><label for="ytproxy-server"><?php esc_html_e( 'Address of your ytproxy', 'ytproxy' ); ?></label></th>
					<td>
						<input type="url" id="ytproxy-server" name="ytproxy[server]" value="<?php echo esc_attr( server() ); ?>" class="regular-text code" placeholder="https://video.example.org">
						<p class="description"><?php esc_html_e( 'Browsers must reach it there. Until it is named, nothing is changed.', 'ytproxy' ); ?></p>
					</td>
				</tr>
				<tr>
					<th scope="row"><?php esc_html_e( 'Pasted HTML', 'ytproxy' ); ?></th>
					<td>
						<label>
							<input type="checkbox" name="ytproxy[pasted]" value="1" <?php checked( changes_pasted() ); ?>>
							<?php esc_html_e( 'Change YouTube frames and thumbnails that stand in posts as HTML, too', 'ytproxy' ); ?>
						</label>
					</td>
				</tr>
			</table>
			<?php submit_button(); ?>
		</form>
	</div>
	<?php
}

function say_if_server_is_missing(): void {
	if ( '' !== server() || ! current_user_can( 'manage_options' ) ) {
		return;
	}
	printf(
		'<div class="notice notice-warning"><p>%s <a href="%s">%s</a></p></div>',
		esc_html__( 'ytproxy changes nothing yet: it does not know your server.', 'ytproxy' ),
		esc_url( page_url() ),
		esc_html__( 'Name it', 'ytproxy' )
	);
}

/**
 * @param string[] $links
 * @return string[]
 */
function link_to_page( array $links ): array {
	array_unshift( $links, sprintf( '<a href="%s">%s</a>', esc_url( page_url() ), esc_html__( 'Settings', 'ytproxy' ) ) );
	return $links;
}

function page_url(): string {
	return admin_url( 'options-general.php?page=ytproxy' );
}
