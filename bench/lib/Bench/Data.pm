package Bench::Data;

# What the site holds while it is measured.

use v5.36;

use Site::Actor;
use Site::Media;

use constant {
    VIDEOS      => 100_000,
    USERS       => 1_000,
    FILM_BLOCKS => 64,
    BLOCK_BYTES => 1024 * 1024,
};

# Videos with the ids 1 to VIDEOS, of USERS authors. They have no files.
sub add_videos ($site) {
    my ($users, $videos) = (USERS, VIDEOS);
    $site->sql(<<~SQL);
        INSERT INTO users (name, password_hash) SELECT 'author ' || n, 'none' FROM generate_series(1, $users) n;
        INSERT INTO videos (author_id, title, description, create_time)
            SELECT 1 + n % $users, 'Film ' || n, repeat('A film of its time. ', 8), now() - n * interval '1 minute'
            FROM generate_series(1, $videos) n;
        VACUUM ANALYZE users;
        VACUUM ANALYZE videos;
        SQL
    my $found = $site->sql("SELECT count(*) FROM videos WHERE id BETWEEN 1 AND $videos");
    die "there are $found videos instead of $videos\n" if $found != $videos;
    return;
}

# Uploads a film of 64 MiB. Returns the video's id and the path of what was uploaded.
sub add_film ($site) {
    my $film = $site->folder . '/film.mp4';
    _write_film($film);
    my %ann = (user_name => 'ann', pwd => 'correct horse battery staple');
    _demand(201, $site->post('/api/users', \%ann));
    my $session = _demand(200, $site->post('/api/sessions', \%ann))->{session_id};
    my $ann = Site::Actor->new($site, name => 'ann', session => $session);
    my $id = _demand(201, $ann->post('/api/videos', {title => 'Film'}))->{id};
    _demand(201, $ann->upload($id, $film));
    return ($id, $film);
}

sub _write_film ($path) {
    my $block = Site::Media::content('mp4', BLOCK_BYTES);
    open my $file, '>:raw', $path or die "cannot write $path: $!\n";
    print {$file} $block for 1 .. FILM_BLOCKS;
    close $file or die "cannot write $path: $!\n";
    return;
}

sub _demand ($status, $response) {
    return $response->json if $response->status == $status;
    die sprintf "the site answers %s instead of %d:\n%s\n", $response->status, $status, $response->body;
}

1;
