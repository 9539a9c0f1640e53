# The token bucket: how many videos are sent at one time, and that every token comes back.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";

use Bucket;
use File::Temp ();
use Prometheus;
use Site;
use Site::Processes;
use Time::HiRes qw(time);

use constant {
    TOKENS     => 3,
    LONG       => 12 * 1024 * 1024,    # more than the kernel keeps for a client that doesn't read
    SLOW       => 4096,
    STORM      => 200,
    STORM_SEED => 51,
    LOAD       => 24,
    ENOUGH     => 10,
    TIMEOUT   => 120,   # seconds; a busy machine takes long
    JOURNAL    => 3 * 1024 * 1024,
};

my $folder = File::Temp->newdir;
my $long = Site::Media::path($folder, 'long.mp4', LONG);
my $site = Site->start(VS_STREAM_TOKENS => TOKENS);
my $bucket = Bucket->new($site);
my $ann = $site->user('ann');
my $vid = add($ann, $long);
my $url = "/stream/videos/$vid";

sub add ($author, $file) {
    my $id = $author->post('/api/videos', {title => 'A film'})->json->{id};
    $author->upload($id, $file)->is(201);
    return $id;
}

# A viewer who has got the head of the answer, and reads no further.
sub view (%options) {
    my $actor = delete $options{actor} // $site;
    my $viewer = $actor->open('GET', $url, buffer => SLOW, %options);
    $viewer->await(qr/\r\n\r\n/);
    return $viewer;
}

sub status ($viewer) { return $viewer->{got} =~ m{^HTTP/1\.1 (\d+)} ? $1 : 0 }

sub views ($count) { return map { view() } 1 .. $count }

sub close_all (@viewers) { $_->close for @viewers; return }

sub metric ($name, $kind = 'stream') {
    return Prometheus->parse($site->get('/metrics')->body)->value("video_server_tokens_$name", kind => $kind);
}

sub bytes_sent () {
    return Prometheus->parse($site->get('/metrics')->body)->value('video_server_stream_bytes_total');
}

sub all_back ($name = 'all tokens are back') {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return $site->soon(sub { !$bucket->in_use }, $name);
}

subtest 'the bucket fills' => sub {
    my @viewers = views(TOKENS);
    is_deeply [map { status($_) } @viewers], [(200) x TOKENS], 'as many videos as there are tokens';
    my @slots = $bucket->slots('stream');
    is_deeply [sort map { $_->{request} } @slots],
        [sort map { $_->{got} =~ /^X-Request-Id: (\w+)/m } @viewers], 'each token is held for its request';
    my %nginx = map { $_ => 1 } $site->pids('nginx');
    is_deeply [grep { !$nginx{$_->{nginx}} } @slots], [], 'and an nginx worker';

    $site->soon(sub { metric('in_use') == TOKENS }, 'the metrics say so');
    is metric('capacity'), TOKENS, 'and how many there are';
    my ($rejected, $bytes) = (metric('rejected_total'), bytes_sent());

    my $refused = $site->get($url)->is(429)->problem('011')->header_like('Retry-After', qr/^[1-9]\d*$/);
    is metric('rejected_total'), $rejected + 1, 'a refusal is counted';
    is $refused->json->{detail}, 'the server is at its streaming limit', 'says which limit it is';
    $site->head($url)->is(429)->body_is('')->header_like('Retry-After', qr/^[1-9]\d*$/);
    $site->get($url, headers => {Range => 'bytes=0-1'})->is(429)->problem('011');
    $site->get($url, headers => {'If-None-Match' => '*'})->is(429)->problem('011');
    is $bucket->in_use, TOKENS, 'a refusal takes nothing';
    $site->get('/stream/videos/999999')->is(404, 'what is not there is still not there');

    my $first = shift @viewers;
    is length($first->rest =~ s/^.*?\r\n\r\n//sr), LONG, 'a viewer reads on to the end';
    $site->soon(sub { $bucket->in_use == TOKENS - 1 }, 'and the token is back');
    is bytes_sent() - $bytes, LONG, 'its bytes are counted';
    push @viewers, view();
    is status($viewers[-1]), 200, 'for the next one';
    close_all(@viewers);
    all_back();
};

subtest 'however an answer ends' => sub {
    my $empty = $ann->post('/api/videos', {title => 'No file'})->json->{id};
    my $lost = add($ann, 'lost.mp4');
    $site->expect_log(qr/event=file_missing/);
    my $key = $site->sql("SELECT media_key FROM videos WHERE id = $lost");
    unlink "$site->{media}/" . substr($key, 0, 2) . "/$key" or die "cannot remove the file: $!\n";

    my @cases = (
        ['whole',            200, sub { $site->get($url) }],
        ['another spelling', 200, sub { $site->get("/%73tream/videos/$vid") }],
        ['a double slash',   404, sub { $site->get("//stream/videos/$vid") }],
        ['a trailing slash', 200, sub { $site->get("$url/?t=1") }],
        ['HEAD',             200, sub { $site->head($url) }],
        ['a part',           206, sub { $site->get($url, headers => {Range => 'bytes=5-9'}) }],
        ['several parts',    206, sub { $site->get($url, headers => {Range => 'bytes=5-9,20-30'}) }],
        ['no such part',     416, sub { $site->get($url, headers => {Range => 'bytes=' . LONG . '-'}) }],
        ['not modified',     304, sub { $site->get($url, headers => {'If-None-Match' => '*'}) }],
        ['not the same',     412, sub { $site->get($url, headers => {'If-Match' => '"other"'}) }],
        ['a lost file',      404, sub { $site->get("/stream/videos/$lost") }],
        ['no file yet',      404, sub { $site->get("/stream/videos/$empty") }],
        ['no id',            400, sub { $site->get('/stream/videos/x') }],
        ['no method',        405, sub { $site->put($url, 'x') }],
    );
    for my $case (@cases) {
        my ($name, $status, $ask) = @$case;
        $ask->()->is($status, "$name: $status");
        all_back("$name: no token is out");
    }
};

subtest 'whoever ends it' => sub {
    my %end = (
        'the client closes'              => sub ($viewer) { $viewer->close },
        'the client dies'                => sub ($viewer) { $viewer->reset },
        'the client shuts down its side' => sub ($viewer) { shutdown $viewer->socket, 1; $viewer->rest },
    );
    for my $name (sort keys %end) {
        my @viewers = views(TOKENS);
        is $bucket->in_use, TOKENS, "$name: the tokens are out";
        $end{$name}->($_) for @viewers;
        all_back("$name: they come back");
    }
};

subtest 'on connections that go on' => sub {
    my $request = "GET $url HTTP/1.1\r\nHost: localhost\r\nRange: bytes=0-99\r\n\r\n";
    my $connection = $site->connect;
    for my $number (1 .. 2 * TOKENS) {
        $connection->send($request)->await(qr/\r\n\r\n.{100}/s);
        like $connection->take, qr{^HTTP/1\.1 206 }, "request $number is answered";
        all_back('no token stays with the connection');
    }
    $connection->send($request x TOKENS)->await(qr/(?:\r\n\r\n.{100}.*?){${\TOKENS}}/s);
    is scalar(() = $connection->{got} =~ m{HTTP/1\.1 206 }g), TOKENS, 'requests in one go are answered, too';
    all_back();
};

subtest 'the client goes before the answer comes' => sub {
    my @workers = $site->pids('fcgi-stream');
    shift @workers;
    $site->kill(STOP => @workers);
    my @waiting = map { $site->open('GET', $url) } 1 .. 2 * TOKENS;
    my $lines = -s $site->run_path('journal');
    close_all(@waiting);
    is $bucket->in_use, 0, 'nothing is taken yet';
    $site->kill(CONT => @workers);
    $site->soon(sub { -s $site->run_path('journal') > $lines + 2 * TOKENS * 60 }, 'nginx is done with each of them');
    all_back();
};

subtest 'a storm of clients that go at any moment' => sub {
    srand STORM_SEED;
    my @paths = ($url, $url, "/%73tream/videos/$vid", "$url/", '/stream/videos/999999');
    my @clients = map { {at => rand 0.5, until => 0.3 + rand 0.7} } 1 .. STORM;
    my $begin = time;
    while (my @left = grep { !$_->{gone} } @clients) {
        my $now = time - $begin;
        for my $client (grep { !$_->{connection} && $_->{at} <= $now } @left) {
            my %headers = rand() < 0.3 ? (Range => 'bytes=' . int(rand LONG) . '-') : ();
            my $method = rand() < 0.1 ? 'HEAD' : 'GET';
            $client->{connection} = $site->open($method, $paths[rand @paths], headers => \%headers, buffer => SLOW);
        }
        for my $client (grep { $_->{connection} && $_->{until} <= $now } @left) {
            rand() < 0.5 ? $client->{connection}->close : $client->{connection}->reset;
            $client->{gone} = 1;
        }
        $_->{connection}->await(qr/(?!)/, 0.001) for grep { $_->{connection} && !$_->{gone} && rand() < 0.2 } @left;
    }
    all_back();
    is_deeply [$site->log_lines(qr/event=token_not_held/)], [], 'and none came back twice';
};

subtest 'never more than there are' => sub {
    my ($most, $whole, $refused) = (0, 0, 0);
    my %client = map { $_ => undef } 1 .. LOAD;
    my $deadline = time + TIMEOUT;
    while ($whole < ENOUGH && time < $deadline) {
        for my $name (keys %client) {
            my $client = $client{$name} //= {connection => $site->open('GET', $url, buffer => 65_536), bytes => 0};
            $client->{connection}->await(qr/./s, 0.0001);
            my $got = $client->{connection}->take;
            $client->{status} //= $1 if $got =~ m{^HTTP/1\.1 (\d+)};
            $client->{bytes} += length $got;
            next if !$client->{connection}{ended};
            $whole++   if $client->{status} == 200 && $client->{bytes} > LONG;
            $refused++ if $client->{status} == 429;
            $client{$name} = undef;
        }
        # The rest of one that has more may be in the kernel, and nginx done with it.
        my $sending = grep { $_ && ($_->{status} // 0) == 200 && $_->{bytes} < LONG / 2 } values %client;
        $most = $sending if $sending > $most;
    }
    is $most, TOKENS, 'as many as there are tokens at one time, and no more';
    cmp_ok $whole, '>=', ENOUGH, 'videos arrive whole';
    cmp_ok $refused, '>', 0, 'others are refused';
    close_all(map { $_->{connection} } grep { $_ } values %client);
    all_back();
};

# Who holds the tokens.
sub holders () { return [sort map { "$_->{request} $_->{generation}" } $bucket->slots('stream')] }

# What must hold once something has been done to the site while tokens are out: they are still out, and
# come back when the viewers go.
sub still_held ($before, @viewers) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $site->soon(sub { $site->get($url)->status == 429 }, 'a further viewer is refused');
    is_deeply holders(), $before, 'the tokens are still held';
    my $reader = shift @viewers;
    is length($reader->rest =~ s/^.*?\r\n\r\n//sr), LONG, 'a viewer gets all of the video';
    close_all(@viewers);
    all_back();
    return;
}

my $NO_POOL = qr/\[error\].*connect\(\) to unix:\S+ failed|\[error\].*(?:prematurely closed connection|(?:recv|writev)\(\) failed)/;

subtest 'workers of the pool are killed' => sub {
    my ($supervisor, @workers) = $site->pids('fcgi-stream');
    $site->expect_log(qr/event=worker_ended .*signal=9/, qr/FATAL:  connection to client lost/);
    my @viewers = views(TOKENS);
    my $before = holders();
    $site->kill(KILL => @workers);
    $site->soon(sub { !grep { Site::Processes::is_alive($_) } @workers }, 'all of them');
    still_held($before, @viewers);
    is +($site->pids('fcgi-stream'))[0], $supervisor, 'the supervisor is the same';

    my $worker = ($site->pids('fcgi-stream'))[1];
    $bucket->claim('stream', $worker);
    is $bucket->in_use, 1, 'a worker takes a token';
    $site->kill(KILL => $worker);
    all_back('and dies: it comes back');
};

subtest 'the supervisor of the pool is killed' => sub {
    $site->expect_log($NO_POOL, qr/fcgi-stream died/);
    my @viewers = views(TOKENS);
    my $before = holders();
    my ($supervisor) = $site->kill(KILL => 'fcgi-stream');
    $site->soon(sub { !Site::Processes::is_alive($supervisor) && $site->pids('fcgi-stream') > 1 }, 'another one starts');
    still_held($before, @viewers);
};

subtest 'answers end while no supervisor runs' => sub {
    my @viewers = views(TOKENS);
    my ($journal, $runner) = ($site->run_path('journal'), $site->pid);
    my $size = -s $journal;
    $site->kill(STOP => $runner);
    my ($supervisor) = $site->kill(TERM => 'fcgi-stream');
    $site->soon(sub { !Site::Processes::is_alive($supervisor) }, 'it ends');
    close_all(@viewers);
    $site->soon(sub { -s $journal >= $size + TOKENS * 60 }, 'nginx is done with the answers');
    is $bucket->in_use, TOKENS, 'the tokens are out';
    $site->kill(CONT => $runner);
    $site->soon(sub { !$bucket->in_use }, 'and come back when it starts again', 30);
};

subtest 'workers of nginx are killed' => sub {
    $site->expect_log(qr/\[alert\].*exited on signal 9/);
    my @viewers = views(TOKENS);
    my ($doomed) = map { $_->{nginx} } $bucket->slots('stream');
    my $others = grep { $_->{nginx} != $doomed } $bucket->slots('stream');
    $site->kill(KILL => $doomed);
    $site->soon(sub { $bucket->in_use == $others }, 'one: its tokens come back, and no others', 5);
    is scalar $site->log_lines(qr/event=tokens_reaped/), 1, 'the log says so';
    cmp_ok metric('reaped_total'), '>', 0, 'and the metrics';
    close_all(@viewers);
    all_back();
    is status($_), 200, 'another worker answers' for my $viewer = view();
    $viewer->close;
    all_back();
};

subtest 'nginx is killed' => sub {
    $site->expect_log(qr/nginx died \(signal 9\)/);
    my @viewers = views(TOKENS);
    $site->kill(KILL => 'nginx');
    all_back();
    $site->soon(sub { $site->head($url)->status == 200 }, 'another one answers');
    all_back();
};

subtest 'nginx reads its configuration again' => sub {
    my @viewers = views(TOKENS);
    my $before = holders();
    my (undef, @old) = $site->pids('nginx');
    $site->kill(HUP => 'nginx');
    my %old = map { $_ => 1 } @old;
    $site->soon(sub { 1 < grep { !$old{$_} } $site->pids('nginx') }, 'with new workers beside the master');
    still_held($before, @viewers);
};

subtest 'nginx opens its files again' => sub {
    my $journal = $site->run_path('journal');
    my @viewers = views(TOKENS);
    my $before = holders();
    $site->kill(USR1 => 'nginx');
    still_held($before, @viewers);

    @viewers = views(TOKENS);
    $before = holders();
    rename $journal, "$journal.old" or die "cannot rename $journal: $!\n";
    still_held($before, @viewers);
    @viewers = views(TOKENS);
    $site->kill(USR1 => 'nginx');
    $site->soon(sub { -e $journal }, 'the journal has been moved away');
    still_held(holders(), @viewers);
    my $size = -s $journal;
    close_all(views(TOKENS));
    $site->soon(sub { -s $journal > $size }, 'the new one is in use');
    all_back();
};

subtest 'the journal takes no memory' => sub {
    my $journal = $site->run_path('journal');
    my $request = "GET /-media/none HTTP/1.1\r\nHost: localhost\r\n";
    my $requests = "$request\r\n" x 500 . "${request}Connection: close\r\n\r\n";
    my $deadline = time + 30;
    until (-s $journal > JOURNAL || time > $deadline) {
        my @connections = map { $site->connect->send($requests) } 1 .. 4;
        $_->rest for @connections;
    }
    my $size = -s $journal;
    cmp_ok $size, '>', JOURNAL, 'after many lines';
    $site->soon(sub { $bucket->journal_offset == -s $journal }, 'all of them have been read');
    cmp_ok +(stat $journal)[12] * 512, '<=', 2 * 1024 * 1024 + 65_536, 'all but the last mebibyte is given back, and one is kept ready';
    $site->get($url)->is(200, 'and the reading goes on');
    all_back();
};

$site->stop;

subtest 'a cap for each client' => sub {
    $site = Site->start(VS_STREAM_TOKENS_PER_CLIENT => 2);
    $bucket = Bucket->new($site);
    $url = '/stream/videos/' . add($site->user('ben'), $long);
    my @viewers = views(2);
    my $refused = $site->get($url)->is(429)->problem('011')->header_like('Retry-After', qr/^[1-9]\d*$/);
    is $refused->json->{detail}, 'this client is at its streaming limit', 'says which limit it is';
    is $bucket->in_use, 2, 'a refusal takes nothing';
    my @others = map { view(from => '127.0.0.2') } 1 .. 2;
    is_deeply [map { status($_) } @others], [200, 200], 'another client has tokens of its own';
    $site->get($url, from => '127.0.0.2')->is(429);
    close_all(pop @others);
    $site->soon(sub { $bucket->in_use == 3 }, 'which it gives back');

    my ($home, $away) = map { $site->user('cleo') } 1, 2;
    my @home = map { view(actor => $home) } 1, 2;
    is_deeply [map { status($_) } @home], [200, 200], 'a session has tokens of its own';
    $home->get($url)->is(429, 'as many as anyone');
    $home->get($url, from => '127.0.0.3')->is(429, 'wherever it is');
    $away->get($url, headers => {Range => 'bytes=0-1'})->is(206, 'another session of the user is another client');
    for my $token ('x' x 43, 'x') {
        $site->get($url, headers => {'X-Session-Id' => $token})->is(429, 'a session that there is not is none');
    }
    close_all(@home);
    $site->soon(sub { $bucket->in_use == 3 }, 'they come back');

    (shift @viewers)->close;
    $site->soon(sub { $bucket->in_use == 2 }, 'a token that comes back');
    push @viewers, view();
    is status($viewers[-1]), 200, 'is there for the same client again';
    close_all(@viewers, @others);
    all_back();
};

done_testing;
