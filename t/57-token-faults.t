# Faults that must neither leak a token nor release one too early: a pool that hangs, lost journal lines, a
# full file system, many streams on one HTTP/2 connection, a slow client.
#
# `make soak` sets VS_SOAK, which prolongs these tests from seconds to minutes.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";

use Bucket;
use Digest::SHA ();
use File::Temp  ();
use Http2;
use Prometheus;
use Site;
use Runner::Command;
use Site::Port;
use Time::HiRes qw(time);

use constant {
    TOKENS       => 4,
    LONG         => 12 * 1024 * 1024,    # more than the kernel buffers for a client that doesn't read
    SLOW         => 4096,
    TIMEOUT      => $ENV{VS_SOAK} ? 30 : 3,
    SLOW_ROUNDS  => $ENV{VS_SOAK} ? 90 : 3,    # two checks of the supervisor each, one per second
    BACK_SECONDS => 5,
    ROOM         => 3 * 1024 * 1024,     # more than the journal preallocates
    TMPFS_BYTES  => 32 * 1024 * 1024,
};

my $folder = File::Temp->newdir;
chmod 0755, "$folder" or die "cannot let others into $folder: $!\n";
my $long = Site::Media::path($folder, 'long.mp4', LONG);
my $http2 = Site::Port::free();
my $content = Site::Media::content('mp4', LONG);
my ($site, $bucket, $url);

sub start (%settings) {
    $site = Site->start(VS_STREAM_TOKENS => TOKENS, VS_STREAM_TIMEOUT => TIMEOUT, VS_HTTP2_PORT => $http2, %settings);
    $bucket = Bucket->new($site);
    my $ann = $site->user('ann');
    my $id = $ann->post('/api/videos', {title => 'A video'})->json->{id};
    $ann->upload($id, $long)->is(201);
    $url = "/stream/videos/$id";
    return;
}

sub view (%options) {
    my $viewer = $site->open('GET', $url, buffer => SLOW, %options);
    $viewer->await(qr/\r\n\r\n/);
    return $viewer;
}

sub views ($count) { return map { view() } 1 .. $count }

sub close_all (@viewers) { $_->close for @viewers; return }

sub in_use ($count, $name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return $site->soon(sub { $bucket->in_use == $count }, $name, BACK_SECONDS);
}

sub all_released ($name = 'all tokens are released') {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return in_use(0, $name);
}

sub is_delivered ($name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $viewer = view();
    is length($viewer->rest =~ s/^.*?\r\n\r\n//sr), LONG, $name;
    return all_released();
}

# Makes nginx write this many bytes of journal lines that concern no token. Returns the size of the journal.
sub write_lines ($bytes) {
    my $journal = $site->run_path('journal');
    my $request = "GET /-media/none HTTP/1.1\r\nHost: localhost\r\n";
    my $requests = "$request\r\n" x 500 . "${request}Connection: close\r\n\r\n";
    my $wanted = $bytes + (-s $journal);
    my $deadline = time + 60;
    my $before = -1;
    until (-s $journal > $wanted || $before == -s $journal || time > $deadline) {
        $before = -s $journal;
        my @connections = map { $site->connect->send($requests) } 1 .. 4;
        $_->rest for @connections;
    }
    return -s $journal;
}

start();

subtest 'requests that time out while the pool hangs take no token' => sub {
    my (undef, @workers) = $site->pids('fcgi-stream');
    $site->expect_log(qr/\[error\].*upstream timed out/, qr/FATAL:  connection to client lost/);    # also of a worker's database connection
    my @viewers = views(2);
    $site->kill(STOP => @workers);
    my @waiting = map { $site->open('GET', $url) } 1 .. 2 * TOKENS;
    like $_->rest(TIMEOUT + 30), qr{^HTTP/1\.1 503 .*^Retry-After: \d}ms, 'nginx rejects a waiting request with 503' for @waiting;
    my $answered = () = $site->log('fcgi-stream') =~ /event=request .*route=\/stream/g;
    $site->kill(CONT => @workers);
    $site->soon(sub { my $now = () = $site->log('fcgi-stream') =~ /event=request .*route=\/stream/g; $now >= $answered + @waiting },
        'the workers continue and process the abandoned requests');
    is $bucket->in_use, 2, 'the abandoned requests take no token';
    is length($viewers[0]->rest =~ s/^.*?\r\n\r\n//sr), LONG, 'a viewer that had a token receives the whole video';
    close_all(@viewers);
    all_released();
};

subtest 'tokens of streams that end while the pool hangs are released later' => sub {
    my @pool = $site->pids('fcgi-stream');
    my @viewers = views(TOKENS);
    my $journal = -s $site->run_path('journal');
    $site->kill(STOP => @pool);
    close_all(@viewers);
    $site->soon(sub { -s $site->run_path('journal') > $journal + TOKENS * 60 }, 'nginx has logged the end of each stream');
    is $bucket->in_use, TOKENS, 'the tokens are in use while nobody reads the journal';
    $site->kill(CONT => @pool);
    all_released();
};

subtest 'tokens whose journal lines are lost are reaped' => sub {
    my ($supervisor) = $site->pids('fcgi-stream');
    my @viewers = views(TOKENS);
    my $journal = $site->run_path('journal');
    my $before = -s $journal;
    $site->kill(STOP => $supervisor);
    close_all(@viewers[0, 1]);
    $site->soon(sub { -s $journal > $before + 2 * 60 }, 'nginx has logged the end of two streams');
    truncate $journal, 0 or die "cannot empty $journal: $!\n";
    $site->kill(CONT => $supervisor);
    in_use(TOKENS - 2, 'the tokens of the closed connections are released');
    ok scalar $site->log_lines(qr/event=tokens_reaped count=\d reason="client connection closed"/), 'the reaping is logged';
    is length($viewers[2]->rest =~ s/^.*?\r\n\r\n//sr), LONG, 'a viewer with an open connection receives the whole video';
    close_all(@viewers);
    all_released();
};

subtest 'each stream of an HTTP/2 connection holds its own token' => sub {
    my $connection = Http2->connect($http2);
    my @streams = map { $connection->get($url) } 1 .. 2 * TOKENS;
    ok $connection->await(sub { !grep { !$_->{status} } @streams }), 'each stream is answered';
    my @sent    = grep { $_->{status} == 200 } @streams;
    my @refused = grep { $_->{status} == 429 } @streams;
    is_deeply [scalar @sent, scalar @refused], [TOKENS, TOKENS], 'the streams within VS_STREAM_TOKENS are accepted, the others are rejected';
    in_use(TOKENS, 'the accepted streams hold the tokens');
    my %request = map { $_->{request} => 1 } $bucket->slots('stream');
    is scalar keys %request, TOKENS, 'each token belongs to another request';
    $site->get($url)->is(429, 'a request on another connection is rejected');

    my ($whole, $cancelled, @others) = @sent;
    $connection->grant_window($whole, LONG);
    ok $connection->await(sub { $whole->{ended} }), 'a stream is read to its end';
    ok $whole->{body} eq $content, 'that stream has delivered the whole video';
    in_use(TOKENS - 1, 'only the token of the finished stream is released');
    $connection->cancel($cancelled);
    in_use(TOKENS - 2, 'the token of a cancelled stream is released');
    my @next = map { $connection->get($url) } 1 .. 3;
    ok $connection->await(sub { !grep { !$_->{status} } @next }), 'three more streams on the same connection are answered';
    is_deeply [sort map { $_->{status} } @next], [200, 200, 429], 'two of them get the released tokens';
    $connection->grant_window($_, LONG) for @others;
    ok $connection->await(sub { !grep { !$_->{ended} } @others }), 'the other streams are read to their ends';
    is scalar(grep { $_->{body} ne $content } @others), 0, 'the other streams have delivered the whole video';
    in_use(2, 'two tokens are still in use');
    $connection->close;
    all_released('all tokens are released when the connection ends');
};

subtest 'a slow client keeps its token' => sub {
    my $viewer = view();
    my ($slot) = $bucket->slots('stream');
    my ($lost, $bytes) = (0, 0);
    # The supervisor updates the metric each time it has looked for tokens to reap.
    my $until_in_use = sub ($count, $name) {
        $site->soon(sub {
            my @held = grep { $_->{request} eq $slot->{request} && $_->{generation} == $slot->{generation} } $bucket->slots('stream');
            $lost++ if @held != 1;
            return Prometheus->parse($site->get('/metrics')->body)->value('video_server_tokens_in_use', kind => 'stream') == $count;
        }, $name);
        $viewer->await(qr/.{1024}/s, 1);
        $bytes += length $viewer->take;
    };
    for my $round (1 .. SLOW_ROUNDS) {
        my $other = view();
        $until_in_use->(2, "round $round: the supervisor has checked the tokens of both clients");
        $other->close;
        $until_in_use->(1, "round $round: the supervisor has checked the token of the slow client");
    }
    cmp_ok $bytes, '<', LONG, 'the slow client has not received the whole video yet';
    is $lost, 0, 'the slow client has held its token all the time';
    $viewer->close;
    all_released();
};

$site->stop;

# Mounts a small file system as the run folder of a site with this state folder. Returns its path; undef if
# this user may not mount.
my $mounted;
sub small_file_system ($state) {
    my $path = sprintf '/dev/shm/video-server-%d-%s', $>, substr Digest::SHA::sha1_hex($state), 0, 12;
    return if $> != 0 || !mkdir $path, 0711;
    my @mount = ('mount', '-t', 'tmpfs', '-o', 'mode=711,size=' . TMPFS_BYTES, 'tmpfs', $path);
    my ($status) = Runner::Command::capture(\@mount);
    return $mounted = $path if $status == 0;
    rmdir $path;
    return;
}

sub unmount () {
    defined $mounted or return;
    Runner::Command::capture(['umount', '-l', $mounted]);
    rmdir $mounted;
    undef $mounted;
    return;
}

END {
    local $?;
    unmount();
}

# Writes to the file until the file system is full.
sub fill ($path) {
    open my $file, '>>:raw', $path or die "cannot open $path: $!\n";
    for my $block (65_536, 4096, 1) {
        1 while syswrite $file, 'x' x $block;
    }
    return;
}

subtest 'tokens are released when the file system of the journal is full' => sub {
    my $state = "$folder/state";
    my $path = small_file_system($state) or plan skip_all => 'mounting a file system requires root';
    start(VS_STATE_DIR => $state);
    $site->expect_log(qr/\[(?:alert|crit)\].*No space left on device/, qr/\[(?:alert|crit)\].*write\(\) to .*journal/);
    my $journal = $site->run_path('journal');
    my @viewers = views(TOKENS);
    fill("$path/hog");
    my $before = -s $journal;
    is scalar(grep { length($_->rest =~ s/^.*?\r\n\r\n//sr) == LONG } @viewers), TOKENS, 'all viewers receive the whole video';
    all_released('all tokens are released, since the journal has preallocated space');
    cmp_ok -s $journal, '>', $before, 'nginx has written to the journal';
    is_delivered('a video is delivered');

    my ($supervisor) = $site->pids('fcgi-stream');
    @viewers = views(TOKENS);
    $site->kill(STOP => $supervisor);
    my $size = write_lines(ROOM);
    cmp_ok $size, '<', $before + ROOM, 'the journal cannot grow any more';
    close_all(@viewers);
    $site->soon(sub { !grep { !$_->is_closed(0.1) } @viewers }, 'the streams end');
    $site->kill(CONT => $supervisor);
    all_released('all tokens are released although nginx could not log the ends');
    unlink "$path/hog" or die "cannot remove $path/hog: $!\n";
    is_delivered('a video is delivered');
    $site->stop(keep => 1);
    unmount();
    $site->remove;
};

done_testing;
