<!doctype html>
<html <?php language_attributes(); ?>>
<head>
<meta charset="utf-8">
<?php wp_head(); ?>
</head>
<body>
<?php
the_custom_header_markup();
while ( have_posts() ) {
	the_post();
	echo '<main>';
	the_content();
	echo '</main>';
}
wp_footer();
?>
</body>
</html>
