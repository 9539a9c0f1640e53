package Bench::Data;

# Test data: users, videos and video files.

use v5.36;

use Time::HiRes qw(sleep);

use Runner::Command;
use Site::Actor;
use Site::Media;

use constant {
    VIDEOS       => 100_000,
    USERS        => 1_000,
    LARGE_BLOCKS => 64,
    UPLOAD_TRIES => 100,     # 0.1 s apart
    BLOCK_BYTES  => 1024 * 1024,
};

# Adds the videos with the ids 1 to VIDEOS, without files, by USERS authors. Must be
# called before any other video is added. A lower id means a newer video.
sub add_videos ($site) {
    my ($users, $videos) = (USERS, VIDEOS);
    my $hash = _password_hash($site);
    $site->sql(<<~SQL);
        INSERT INTO users (name, password_hash) SELECT 'author ' || n, '$hash' FROM generate_series(1, $users) n;
        INSERT INTO videos (author_id, title, description, create_time)
            SELECT (SELECT min(id) FROM users WHERE name LIKE 'author %') + n % $users, 'Video ' || n, repeat('A video of its time. ', 8), now() - n * interval '1 minute'
            FROM generate_series(1, $videos) n;
        VACUUM ANALYZE users;
        VACUUM ANALYZE videos;
        SQL
    my $found = $site->sql("SELECT count(*) FROM videos WHERE id BETWEEN 1 AND $videos AND title LIKE 'Video %'");
    die "found $found videos instead of $videos\n" if $found != $videos;
    return;
}

# A hash with the cost parameters of the settings.
sub _password_hash ($site) {
    _require(201, $site->post('/api/users', {user_name => 'first', pwd => 'correct horse battery staple'}));
    return $site->sql(q{SELECT password_hash FROM users WHERE name = 'first'});
}

# Adds a video with a file of LARGE_BLOCKS MiB, once. Returns its id and the path of the
# source file.
sub add_large_video ($site) { return add_video($site, 'large', LARGE_BLOCKS * BLOCK_BYTES) }

# Adds a video with a file of that size, once per name. Returns the same.
my %added;

sub add_video ($site, $name, $bytes) {
    return @{$added{$name} //= _add_video($site, $name, $bytes)};
}

sub _add_video ($site, $name, $bytes) {
    my $path = $site->folder . "/$name.mp4";
    _write_video($path, $bytes);
    my $id = add_empty($site);
    _require(201, author($site)->upload($id, $path));
    return [$id, $path];
}

# Adds a video without a file. Returns its id.
sub add_empty ($site) {
    return _require(201, author($site)->post('/api/videos', {title => 'Video'}))->{id};
}

# Adds a video with the given file. Returns its id.
sub add_uploaded ($site, $title, $path) {
    my $id = _require(201, author($site)->post('/api/videos', {title => $title}))->{id};
    my $response = author($site)->upload($id, $path);
    for (1 .. UPLOAD_TRIES) {
        last if $response->status != 429;    # the previous upload may still hold its token
        sleep 0.1;
        $response = author($site)->upload($id, $path);
    }
    _require(201, $response);
    return $id;
}

# The path of the video's file, relative to the media folder.
sub media_name ($site, $id) {
    my $key = $site->sql("SELECT media_key FROM videos WHERE id = $id");
    return substr($key, 0, 2) . "/$key";
}

# Dies unless the response from the address equals the file.
sub compare ($address, $path) {
    my ($status) = Runner::Command::capture(['sh', '-c', 'curl -sf "$1" | cmp - "$2"', 'sh', $address, $path]);
    die "the response from $address differs from the uploaded file\n" if $status != 0;
    return;
}

my $author;

# The logged-in user that adds the videos.
sub author ($site) {
    return $author if $author;
    my %ann = (user_name => 'ann', pwd => 'correct horse battery staple');
    _require(201, $site->post('/api/users', \%ann));
    my $session = _require(200, $site->post('/api/sessions', \%ann))->{session_id};
    return $author = Site::Actor->new($site, name => 'ann', session => $session);
}

# Writes a file of as many whole blocks as fit into $bytes.
sub _write_video ($path, $bytes) {
    my $block = Site::Media::content('mp4', $bytes < BLOCK_BYTES ? $bytes : BLOCK_BYTES);
    open my $file, '>:raw', $path or die "cannot write $path: $!\n";
    print {$file} $block for 1 .. $bytes / length $block;
    close $file or die "cannot write $path: $!\n";
    return;
}

sub _require ($status, $response) {
    return $response->json if $response->status == $status;
    die sprintf "the site returned %s instead of %d:\n%s\n", $response->status, $status, $response->body;
}

1;
