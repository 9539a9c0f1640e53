package Bench::Data;

# What the site holds while it is measured.

use v5.36;

use Time::HiRes qw(sleep);

use Runner::Command;
use Site::Actor;
use Site::Media;

use constant {
    VIDEOS       => 100_000,
    USERS        => 1_000,
    FILM_BLOCKS  => 64,
    UPLOAD_TRIES => 100,
    BLOCK_BYTES  => 1024 * 1024,
};

# Videos with the ids 1 to VIDEOS, of USERS authors. They have no files; they must be the first. The smaller the id,
# the newer is the video.
sub add_videos ($site) {
    my ($users, $videos) = (USERS, VIDEOS);
    my $hash = _password_hash($site);
    $site->sql(<<~SQL);
        INSERT INTO users (name, password_hash) SELECT 'author ' || n, '$hash' FROM generate_series(1, $users) n;
        INSERT INTO videos (author_id, title, description, create_time)
            SELECT (SELECT min(id) FROM users WHERE name LIKE 'author %') + n % $users, 'Film ' || n, repeat('A film of its time. ', 8), now() - n * interval '1 minute'
            FROM generate_series(1, $videos) n;
        VACUUM ANALYZE users;
        VACUUM ANALYZE videos;
        SQL
    my $found = $site->sql("SELECT count(*) FROM videos WHERE id BETWEEN 1 AND $videos AND title LIKE 'Film %'");
    die "there are $found videos instead of $videos\n" if $found != $videos;
    return;
}

# A hash that costs what the settings say to verify.
sub _password_hash ($site) {
    _demand(201, $site->post('/api/users', {user_name => 'first', pwd => 'correct horse battery staple'}));
    return $site->sql(q{SELECT password_hash FROM users WHERE name = 'first'});
}

# Uploads a film of 64 MiB, once. Returns the video's id and the path of what was uploaded.
sub add_film ($site) { return add_video($site, 'film', FILM_BLOCKS * BLOCK_BYTES) }

# Uploads a video of that size under that name, once.
my %added;

sub add_video ($site, $name, $bytes) {
    return @{$added{$name} //= _add_video($site, $name, $bytes)};
}

sub _add_video ($site, $name, $bytes) {
    my $path = $site->folder . "/$name.mp4";
    _write_film($path, $bytes);
    my $id = add_empty($site);
    _demand(201, author($site)->upload($id, $path));
    return [$id, $path];
}

# Adds a video that has no file; its id.
sub add_empty ($site) {
    return _demand(201, author($site)->post('/api/videos', {title => 'Film'}))->{id};
}

# Adds a video with the file; its id.
sub add_filmed ($site, $title, $path) {
    my $id = _demand(201, author($site)->post('/api/videos', {title => $title}))->{id};
    my $response = author($site)->upload($id, $path);
    for (1 .. UPLOAD_TRIES) {
        last if $response->status != 429;    # the place of the upload before may not be free yet
        sleep 0.1;
        $response = author($site)->upload($id, $path);
    }
    _demand(201, $response);
    return $id;
}

# Where the video's file is, below the media folder.
sub media_name ($site, $id) {
    my $key = $site->sql("SELECT media_key FROM videos WHERE id = $id");
    return substr($key, 0, 2) . "/$key";
}

# Fails unless the address sends what is in the file.
sub compare ($address, $path) {
    my ($status) = Runner::Command::capture(['sh', '-c', 'curl -sf "$1" | cmp - "$2"', 'sh', $address, $path]);
    die "what $address sends is not what was uploaded\n" if $status != 0;
    return;
}

my $author;

# Who adds them, logged in.
sub author ($site) {
    return $author if $author;
    my %ann = (user_name => 'ann', pwd => 'correct horse battery staple');
    _demand(201, $site->post('/api/users', \%ann));
    my $session = _demand(200, $site->post('/api/sessions', \%ann))->{session_id};
    return $author = Site::Actor->new($site, name => 'ann', session => $session);
}

# Block upon block, the last one cut off.
sub _write_film ($path, $bytes) {
    my $block = Site::Media::content('mp4', $bytes < BLOCK_BYTES ? $bytes : BLOCK_BYTES);
    open my $file, '>:raw', $path or die "cannot write $path: $!\n";
    print {$file} $block for 1 .. $bytes / length $block;
    close $file or die "cannot write $path: $!\n";
    return;
}

sub _demand ($status, $response) {
    return $response->json if $response->status == $status;
    die sprintf "the site answers %s instead of %d:\n%s\n", $response->status, $status, $response->body;
}

1;
