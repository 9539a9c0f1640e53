# What has arrived of a film is handed to the disk, and taken out of a form, before the rest is there, and nobody waits
# for that.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";

use Faults;
use Site;
use Tus;

use constant {
    FILM     => 12 * 1024 * 1024,
    STEP     => 4 * 1024 * 1024,
    PATIENCE => 30,
};

my $HEAD = qq{--between\r\nContent-Disposition: form-data; name="file"; filename="film.mp4"\r\n\r\n};
my $END  = "\r\n--between--\r\n";

my $faults = Faults->new;
my $site = Site->start(build => Faults::build(), FAULT_DIR => $faults->folder);
my $ann = $site->user('ann');
my $video = $ann->post('/api/videos', {title => 'A film'})->json->{id};

# Begins to upload as a form, all but the last byte.
sub begin ($film) {
    my $size = length($HEAD) + length($film) + length($END);
    return $ann->open('POST', "/stream/videos/$video", body => $HEAD . $film . substr($END, 0, -1),
        headers => {'Content-Length' => $size, 'Content-Type' => 'multipart/form-data; boundary=between'});
}

sub incoming () { return my @files = glob "$site->{media}/incoming/*" }

# Waits until most of a film is.
sub soon_taken () {
    my $part;
    $site->soon(sub { ($part) = grep { /\.part$/ } incoming(); $part && -s $part >= FILM - STEP }, 'most of it is taken out before the form is there', PATIENCE);
    return $part;
}

sub ends_well ($upload, $film, $name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $upload->send(substr $END, -1);
    like $upload->answer('POST', PATIENCE), qr{^HTTP/1\.1 201}, $name;
    $upload->close;
    $site->get("/stream/videos/$video")->body_is($film, 'and it is the film');
    return $site->soon(sub { !incoming() }, 'nothing else is left');
}

sub inode ($path) { return (stat $path)[1] }

subtest 'the disk' => sub {
    my $film = Site::Media::content('mp4', FILM);
    $faults->hold_at('before_writeback');
    my $upload = $ann->open('POST', "/stream/videos/$video", body => substr($film, 0, -1), headers => {'Content-Length' => FILM});
    $site->soon(sub { $faults->is_held('before_writeback') }, 'the disk is to begin with a film of which the end is missing', PATIENCE);
    $upload->send(substr $film, -1);
    like $upload->answer('POST', PATIENCE), qr{^HTTP/1\.1 201}, 'a disk that takes its time to begin keeps nobody waiting';
    $upload->close;
    $faults->go_on('before_writeback');
    $site->get("/stream/videos/$video")->body_is($film, 'and it is the film');
};

subtest 'a form' => sub {
    my $film = Site::Media::content('mp4', FILM);
    my $upload = begin($film);
    my $inode = inode(soon_taken());
    ends_well($upload, $film, 'the form');
    my $key = $site->sql("SELECT media_key FROM videos WHERE id = $video");
    is inode("$site->{media}/" . substr($key, 0, 2) . "/$key"), $inode, 'what was taken out is what has been published';
};

subtest 'a form that nobody gets on with' => sub {
    my $film = Site::Media::content('mp4', FILM - 1000);
    $faults->hold_at('before_books_copy');
    my $upload = begin($film);
    $site->soon(sub { $faults->is_held('before_books_copy') }, 'the bookkeeper is about to copy', PATIENCE);
    $upload->send(substr $END, -1);
    like $upload->answer('POST', PATIENCE), qr{^HTTP/1\.1 201}, 'is not waited for';
    $upload->close;
    $faults->go_on('before_books_copy');
    $site->soon(sub { !incoming() }, 'nothing is left');
    $site->get("/stream/videos/$video")->body_is($film, 'and it is the film');
};

subtest 'the bookkeeper dies' => sub {
    $site->expect_log(qr/event=worker_ended .*signal=9/);
    my $film = Site::Media::content('mp4', FILM - 2000);
    $faults->kill_at('before_books_copy', 2);
    my $upload = begin($film);
    $site->soon(sub { !$faults->is_set('before_books_copy') }, 'in the middle of a form', PATIENCE);
    ends_well($upload, $film, 'which comes all the same');
};

subtest 'the worker dies' => sub {
    $site->expect_log(qr/event=worker_ended .*signal=9/, qr/\[error\].*(?:prematurely closed connection|(?:recv|writev)\(\) failed)/);
    my $upload = begin(Site::Media::content('mp4', FILM));
    soon_taken();
    $faults->kill_at('half_copy');
    $upload->send(substr $END, -1);
    like $upload->answer('POST', PATIENCE), qr{^HTTP/1\.1 503}, 'in the middle of the rest';
    $upload->close;
    $site->soon(sub { !incoming() }, 'then neither body nor film is left');
};

# Nobody can know better from its bytes.
subtest 'a piece of an upload that looks like a form' => sub {
    my $piece = $HEAD . Site::Media::content('mp4', FILM);
    my $upload = Tus->create($ann, $video, 3 * FILM);
    my $patch = $upload->open(0, substr($piece, 0, -1), length $piece);
    soon_taken();
    $patch->send(substr $piece, -1);
    like $patch->answer('PATCH', PATIENCE), qr{^HTTP/1\.1 204}, 'is appended';
    $patch->close;
    $site->soon(sub { "@{[incoming()]}" eq "$site->{media}/incoming/" . $upload->id }, 'and nothing else is left', PATIENCE);
    my $rest = $upload->open(length $piece, substr($piece, 0, -1), length $piece);
    soon_taken();
    $rest->close;
    $site->soon(sub { $site->log_lines(qr/event=piece_kept/) }, 'another one is kept when its client vanishes', PATIENCE);
    is scalar(grep { /\.part$/ } incoming()), 0, 'but not what was taken out of it';
    $upload->delete->is(204);
};

subtest 'the client vanishes' => sub {
    my $upload = begin(Site::Media::content('mp4', FILM));
    soon_taken();
    $upload->close;
    $site->soon(sub { !incoming() }, 'nothing stays of a form whose client has vanished', PATIENCE);
};

done_testing;
