# Faults that must cost no token and give none away: a pool that hangs, lines that are lost, a file system
# that is full, many streams on one HTTP/2 connection, a client that reads for a long time.
#
# `make soak` sets VS_SOAK: then what takes seconds here takes minutes.

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
    LONG         => 12 * 1024 * 1024,    # more than the kernel keeps for a client that doesn't read
    SLOW         => 4096,
    TIMEOUT      => $ENV{VS_SOAK} ? 30 : 3,
    SLOW_ROUNDS  => $ENV{VS_SOAK} ? 90 : 3,    # two checks of the supervisor each, one per second
    BACK_SECONDS => 5,
    ROOM         => 3 * 1024 * 1024,     # more than the journal keeps ready
    TMPFS_BYTES  => 32 * 1024 * 1024,
};

my $folder = File::Temp->newdir;
chmod 0755, "$folder" or die "cannot let others into $folder: $!\n";
my $long = Site::Media::path($folder, 'long.mp4', LONG);
my $http2 = Site::Port::free();
my $film = Site::Media::content('mp4', LONG);
my ($site, $bucket, $url);

sub start (%settings) {
    $site = Site->start(VS_STREAM_TOKENS => TOKENS, VS_STREAM_TIMEOUT => TIMEOUT, VS_HTTP2_PORT => $http2, %settings);
    $bucket = Bucket->new($site);
    my $ann = $site->user('ann');
    my $id = $ann->post('/api/videos', {title => 'A film'})->json->{id};
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

sub all_back ($name = 'all tokens are back') {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return in_use(0, $name);
}

sub whole_works ($name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $viewer = view();
    is length($viewer->rest =~ s/^.*?\r\n\r\n//sr), LONG, $name;
    return all_back();
}

# Lines about nothing, as many as have that many bytes.
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

subtest 'the pool hangs for longer than nginx waits' => sub {
    my (undef, @workers) = $site->pids('fcgi-stream');
    $site->expect_log(qr/\[error\].*upstream timed out/, qr/FATAL:  connection to client lost/);    # also a worker's to the database
    my @viewers = views(2);
    $site->kill(STOP => @workers);
    my @waiting = map { $site->open('GET', $url) } 1 .. 2 * TOKENS;
    like $_->rest(TIMEOUT + 30), qr{^HTTP/1\.1 503 .*^Retry-After: \d}ms, 'nginx gives up' for @waiting;
    my $answered = () = $site->log('fcgi-stream') =~ /event=request .*route=\/stream/g;
    $site->kill(CONT => @workers);
    $site->soon(sub { my $now = () = $site->log('fcgi-stream') =~ /event=request .*route=\/stream/g; $now >= $answered + @waiting },
        'the pool goes on, and comes to the requests');
    is $bucket->in_use, 2, 'none of them takes a token any more';
    is length($viewers[0]->rest =~ s/^.*?\r\n\r\n//sr), LONG, 'who had one has got all';
    close_all(@viewers);
    all_back();
};

subtest 'all of the pool hangs while streams end' => sub {
    my @pool = $site->pids('fcgi-stream');
    my @viewers = views(TOKENS);
    my $journal = -s $site->run_path('journal');
    $site->kill(STOP => @pool);
    close_all(@viewers);
    $site->soon(sub { -s $site->run_path('journal') > $journal + TOKENS * 60 }, 'nginx is done with them');
    is $bucket->in_use, TOKENS, 'nobody reads the journal';
    $site->kill(CONT => @pool);
    all_back();
};

subtest 'lines that are lost' => sub {
    my ($supervisor) = $site->pids('fcgi-stream');
    my @viewers = views(TOKENS);
    my $journal = $site->run_path('journal');
    my $before = -s $journal;
    $site->kill(STOP => $supervisor);
    close_all(@viewers[0, 1]);
    $site->soon(sub { -s $journal > $before + 2 * 60 }, 'two streams end');
    truncate $journal, 0 or die "cannot empty $journal: $!\n";
    $site->kill(CONT => $supervisor);
    in_use(TOKENS - 2, 'their tokens come back: the kernel knows that they have gone');
    ok scalar $site->log_lines(qr/event=tokens_reaped count=\d reason="connection is gone"/), 'the log says so';
    is length($viewers[2]->rest =~ s/^.*?\r\n\r\n//sr), LONG, 'the others get all';
    close_all(@viewers);
    all_back();
};

subtest 'many streams on one HTTP/2 connection' => sub {
    my $connection = Http2->connect($http2);
    my @streams = map { $connection->get($url) } 1 .. 2 * TOKENS;
    ok $connection->await(sub { !grep { !$_->{status} } @streams }), 'each is answered';
    my @sent    = grep { $_->{status} == 200 } @streams;
    my @refused = grep { $_->{status} == 429 } @streams;
    is_deeply [scalar @sent, scalar @refused], [TOKENS, TOKENS], 'as many as there are tokens are sent, the rest is refused';
    in_use(TOKENS, 'they hold the tokens');
    my %request = map { $_->{request} => 1 } $bucket->slots('stream');
    is scalar keys %request, TOKENS, 'each its own';
    $site->get($url)->is(429, 'there is none for anybody else');

    my ($whole, $cancelled, @others) = @sent;
    $connection->grant_window($whole, LONG);
    ok $connection->await(sub { $whole->{ended} }), 'one is read to its end';
    ok $whole->{body} eq $film, 'it is whole';
    in_use(TOKENS - 1, 'its token is back, those of the others are not');
    $connection->cancel($cancelled);
    in_use(TOKENS - 2, 'one is cancelled: its token is back');
    my @next = map { $connection->get($url) } 1 .. 3;
    ok $connection->await(sub { !grep { !$_->{status} } @next }), 'more are asked for on the same connection';
    is_deeply [sort map { $_->{status} } @next], [200, 200, 429], 'two get the tokens';
    $connection->grant_window($_, LONG) for @others;
    ok $connection->await(sub { !grep { !$_->{ended} } @others }), 'the others are read to their ends';
    is scalar(grep { $_->{body} ne $film } @others), 0, 'and whole';
    in_use(2, 'two are left');
    $connection->close;
    all_back('the connection ends: all tokens are back');
};

subtest 'a client that reads slowly' => sub {
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
    all_back();
};

$site->stop;

# A small file system of its own for the run folder of the site with that state folder; undef when this user may
# not make one.
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

# Writes to the file until there is no more room.
sub fill ($path) {
    open my $file, '>>:raw', $path or die "cannot open $path: $!\n";
    for my $block (65_536, 4096, 1) {
        1 while syswrite $file, 'x' x $block;
    }
    return;
}

subtest 'the journal lies on a full file system' => sub {
    my $state = "$folder/state";
    my $path = small_file_system($state) or plan skip_all => 'it takes root, who may mount';
    start(VS_STATE_DIR => $state);
    $site->expect_log(qr/\[(?:alert|crit)\].*No space left on device/, qr/\[(?:alert|crit)\].*write\(\) to .*journal/);
    my $journal = $site->run_path('journal');
    my @viewers = views(TOKENS);
    fill("$path/hog");
    my $before = -s $journal;
    is scalar(grep { length($_->rest =~ s/^.*?\r\n\r\n//sr) == LONG } @viewers), TOKENS, 'viewers get all';
    all_back('room was kept for the journal, so all tokens are back');
    cmp_ok -s $journal, '>', $before, 'nginx could write';
    whole_works('and the site goes on');

    my ($supervisor) = $site->pids('fcgi-stream');
    @viewers = views(TOKENS);
    $site->kill(STOP => $supervisor);
    my $size = write_lines(ROOM);
    cmp_ok $size, '<', $before + ROOM, 'then there is no room any more';
    close_all(@viewers);
    $site->soon(sub { !grep { !$_->is_closed(0.1) } @viewers }, 'streams end');
    $site->kill(CONT => $supervisor);
    all_back('nginx could not say so, but the kernel knows');
    unlink "$path/hog" or die "cannot remove $path/hog: $!\n";
    whole_works('and the site goes on');
    $site->stop(keep => 1);
    unmount();
    $site->remove;
};

done_testing;
