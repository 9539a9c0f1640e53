# The token bucket: it limits the number of concurrent streams, and every token is released.

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
    LONG       => 12 * 1024 * 1024,    # more than the kernel buffers for a client that doesn't read
    SLOW       => 4096,
    STORM      => 200,
    STORM_SEED => 51,
    LOAD       => 24,
    ENOUGH     => 10,
    TIMEOUT    => 120,                 # seconds; a busy machine takes long
    JOURNAL    => 3 * 1024 * 1024,
};

my $folder = File::Temp->newdir;
my $long = Site::Media::path($folder, 'long.mp4', LONG);
my $site = Site->start(VS_STREAM_TOKENS => TOKENS);
my $bucket = Bucket->new($site);
my $ann = $site->user('ann');
my $vid = add_video($ann, $long);
my $url = "/stream/videos/$vid";

sub add_video ($author, $file) {
    my $id = $author->post('/api/videos', {title => 'A video'})->json->{id};
    $author->upload($id, $file)->is(201);
    return $id;
}

# A viewer that has received the headers of its response and stops reading.
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

sub all_released ($name = 'all tokens are released') {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return $site->soon(sub { !$bucket->in_use }, $name);
}

subtest 'a request beyond VS_STREAM_TOKENS is rejected with 429' => sub {
    my @viewers = views(TOKENS);
    is_deeply [map { status($_) } @viewers], [(200) x TOKENS], 'each of the first VS_STREAM_TOKENS viewers gets its video';
    my @slots = $bucket->slots('stream');
    is_deeply [sort map { $_->{request} } @slots],
        [sort map { $_->{got} =~ /^X-Request-Id: (\w+)/m } @viewers], 'each slot holds the request id of its viewer';
    my %nginx = map { $_ => 1 } $site->pids('nginx');
    is_deeply [grep { !$nginx{$_->{nginx}} } @slots], [], 'each slot holds the pid of an nginx worker';

    $site->soon(sub { metric('in_use') == TOKENS }, 'the metrics show the tokens in use');
    is metric('capacity'), TOKENS, 'the metrics show the capacity';
    my ($rejected, $bytes) = (metric('rejected_total'), bytes_sent());

    my $refused = $site->get($url)->is(429)->problem('011')->header_like('Retry-After', qr/^[1-9]\d*$/);
    is metric('rejected_total'), $rejected + 1, 'the rejection is counted';
    is $refused->json->{detail}, 'the server is at its streaming limit', 'the detail names the limit';
    $site->head($url)->is(429)->body_is('')->header_like('Retry-After', qr/^[1-9]\d*$/);
    $site->get($url, headers => {Range => 'bytes=0-1'})->is(429)->problem('011');
    $site->get($url, headers => {'If-None-Match' => '*'})->is(429)->problem('011');
    is $bucket->in_use, TOKENS, 'a rejected request takes no token';
    $site->get('/stream/videos/999999')->is(404, 'an unknown video still returns 404');

    my $first = shift @viewers;
    is length($first->rest =~ s/^.*?\r\n\r\n//sr), LONG, 'a viewer that reads to the end receives the whole video';
    $site->soon(sub { $bucket->in_use == TOKENS - 1 }, 'the token is released once the video has been sent');
    is bytes_sent() - $bytes, LONG, 'the bytes sent are counted';
    push @viewers, view();
    is status($viewers[-1]), 200, 'the next viewer gets the released token';
    close_all(@viewers);
    all_released();
};

subtest 'every kind of response releases its token' => sub {
    my $empty = $ann->post('/api/videos', {title => 'No file'})->json->{id};
    my $lost = add_video($ann, 'lost.mp4');
    $site->expect_log(qr/event=file_missing/);
    my $key = $site->sql("SELECT media_key FROM videos WHERE id = $lost");
    unlink "$site->{media}/" . substr($key, 0, 2) . "/$key" or die "cannot remove the file: $!\n";

    my @cases = (
        ['whole',                  200, sub { $site->get($url) }],
        ['an escaped path',        200, sub { $site->get("/%73tream/videos/$vid") }],
        ['a double slash',         404, sub { $site->get("//stream/videos/$vid") }],
        ['a trailing slash',       200, sub { $site->get("$url/?t=1") }],
        ['HEAD',                   200, sub { $site->head($url) }],
        ['a range',                206, sub { $site->get($url, headers => {Range => 'bytes=5-9'}) }],
        ['several ranges',         206, sub { $site->get($url, headers => {Range => 'bytes=5-9,20-30'}) }],
        ['a range beyond the end', 416, sub { $site->get($url, headers => {Range => 'bytes=' . LONG . '-'}) }],
        ['not modified',           304, sub { $site->get($url, headers => {'If-None-Match' => '*'}) }],
        ['a failed If-Match',      412, sub { $site->get($url, headers => {'If-Match' => '"other"'}) }],
        ['a missing file',         404, sub { $site->get("/stream/videos/$lost") }],
        ['no file yet',            404, sub { $site->get("/stream/videos/$empty") }],
        ['an invalid id',          400, sub { $site->get('/stream/videos/x') }],
        ['an unsupported method',  405, sub { $site->put($url, 'x') }],
    );
    for my $case (@cases) {
        my ($name, $status, $ask) = @$case;
        $ask->()->is($status, "$name returns $status");
        all_released("$name leaves no token in use");
    }
};

subtest 'a client that disconnects releases its token' => sub {
    my %end = (
        'the client closes'              => sub ($viewer) { $viewer->close },
        'the client dies'                => sub ($viewer) { $viewer->reset },
        'the client shuts down its side' => sub ($viewer) { shutdown $viewer->socket, 1; $viewer->rest },
    );
    for my $name (sort keys %end) {
        my @viewers = views(TOKENS);
        is $bucket->in_use, TOKENS, "$name: all tokens are in use before";
        $end{$name}->($_) for @viewers;
        all_released("$name: the tokens are released");
    }
};

subtest 'a kept connection holds no token between requests' => sub {
    my $request = "GET $url HTTP/1.1\r\nHost: localhost\r\nRange: bytes=0-99\r\n\r\n";
    my $connection = $site->connect;
    for my $number (1 .. 2 * TOKENS) {
        $connection->send($request)->await(qr/\r\n\r\n.{100}/s);
        like $connection->take, qr{^HTTP/1\.1 206 }, "request $number on the connection is answered";
        all_released('the open connection holds no token');
    }
    $connection->send($request x TOKENS)->await(qr/(?:\r\n\r\n.{100}.*?){${\TOKENS}}/s);
    is scalar(() = $connection->{got} =~ m{HTTP/1\.1 206 }g), TOKENS, 'pipelined requests are answered, too';
    all_released();
};

subtest 'a client that disconnects before the response leaves no token in use' => sub {
    my @workers = $site->pids('fcgi-stream');
    shift @workers;
    $site->kill(STOP => @workers);
    my @waiting = map { $site->open('GET', $url) } 1 .. 2 * TOKENS;
    my $lines = -s $site->run_path('journal');
    close_all(@waiting);
    is $bucket->in_use, 0, 'no token is taken while the workers are stopped';
    $site->kill(CONT => @workers);
    $site->soon(sub { -s $site->run_path('journal') > $lines + 2 * TOKENS * 60 }, 'nginx has logged the end of each request');
    all_released();
};

subtest 'clients that disconnect at random moments leave no token in use' => sub {
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
    all_released();
    is_deeply [$site->log_lines(qr/event=token_not_held/)], [], 'no token is released twice';
};

subtest 'under load the number of streams never exceeds the tokens' => sub {
    my ($maximum, $whole, $refused) = (0, 0, 0);
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
        # Of a viewer that has more than half, the rest may be in the kernel and the token released.
        my $sending = grep { $_ && ($_->{status} // 0) == 200 && $_->{bytes} < LONG / 2 } values %client;
        $maximum = $sending if $sending > $maximum;
    }
    is $maximum, TOKENS, 'the number of concurrent streams reaches VS_STREAM_TOKENS and never exceeds it';
    cmp_ok $whole, '>=', ENOUGH, 'accepted viewers receive the whole video';
    cmp_ok $refused, '>', 0, 'other viewers are rejected';
    close_all(map { $_->{connection} } grep { $_ } values %client);
    all_released();
};

# The requests that hold the tokens.
sub holders () { return [sort map { "$_->{request} $_->{generation}" } $bucket->slots('stream')] }

# Checks after an incident while tokens are in use: the same requests still hold them, and they are released
# when the viewers disconnect.
sub still_held ($before, @viewers) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $site->soon(sub { $site->get($url)->status == 429 }, 'another viewer is rejected');
    is_deeply holders(), $before, 'the same requests still hold the tokens';
    my $reader = shift @viewers;
    is length($reader->rest =~ s/^.*?\r\n\r\n//sr), LONG, 'a viewer still receives the whole video';
    close_all(@viewers);
    all_released();
    return;
}

my $NO_POOL = qr/\[error\].*connect\(\) to unix:\S+ failed|\[error\].*(?:prematurely closed connection|(?:recv|writev)\(\) failed)/;

subtest 'tokens survive the death of the pool workers' => sub {
    my ($supervisor, @workers) = $site->pids('fcgi-stream');
    $site->expect_log(qr/event=worker_ended .*signal=9/, qr/FATAL:  connection to client lost/);
    my @viewers = views(TOKENS);
    my $before = holders();
    $site->kill(KILL => @workers);
    $site->soon(sub { !grep { Site::Processes::is_alive($_) } @workers }, 'all workers have died');
    still_held($before, @viewers);
    is +($site->pids('fcgi-stream'))[0], $supervisor, 'the supervisor keeps running';

    my $worker = ($site->pids('fcgi-stream'))[1];
    $bucket->claim('stream', $worker);
    is $bucket->in_use, 1, 'a worker claims a slot';
    $site->kill(KILL => $worker);
    all_released('the slot is released when its worker dies');
};

subtest 'tokens survive the death of the supervisor' => sub {
    $site->expect_log($NO_POOL, qr/fcgi-stream died/);
    my @viewers = views(TOKENS);
    my $before = holders();
    my ($supervisor) = $site->kill(KILL => 'fcgi-stream');
    $site->soon(sub { !Site::Processes::is_alive($supervisor) && $site->pids('fcgi-stream') > 1 }, 'a new supervisor and its workers start');
    still_held($before, @viewers);
};

subtest 'streams that end while no supervisor runs release their tokens later' => sub {
    my @viewers = views(TOKENS);
    my ($journal, $runner) = ($site->run_path('journal'), $site->pid);
    my $size = -s $journal;
    $site->kill(STOP => $runner);
    my ($supervisor) = $site->kill(TERM => 'fcgi-stream');
    $site->soon(sub { !Site::Processes::is_alive($supervisor) }, 'the supervisor stops');
    close_all(@viewers);
    $site->soon(sub { -s $journal >= $size + TOKENS * 60 }, 'nginx has logged the end of each stream');
    is $bucket->in_use, TOKENS, 'the tokens are still in use';
    $site->kill(CONT => $runner);
    $site->soon(sub { !$bucket->in_use }, 'the tokens are released when a new supervisor starts', 30);
};

subtest 'tokens of a killed nginx worker are reaped' => sub {
    $site->expect_log(qr/\[alert\].*exited on signal 9/);
    my @viewers = views(TOKENS);
    my ($doomed) = map { $_->{nginx} } $bucket->slots('stream');
    my $others = grep { $_->{nginx} != $doomed } $bucket->slots('stream');
    $site->kill(KILL => $doomed);
    $site->soon(sub { $bucket->in_use == $others }, 'the tokens of the killed worker are released, and no others', 5);
    is scalar $site->log_lines(qr/event=tokens_reaped/), 1, 'the reaping is logged';
    cmp_ok metric('reaped_total'), '>', 0, 'the reaped tokens are counted';
    close_all(@viewers);
    all_released();
    is status($_), 200, 'another nginx worker answers' for my $viewer = view();
    $viewer->close;
    all_released();
};

subtest 'tokens are released when nginx is killed' => sub {
    $site->expect_log(qr/nginx died \(signal 9\)/);
    my @viewers = views(TOKENS);
    $site->kill(KILL => 'nginx');
    all_released();
    $site->soon(sub { $site->head($url)->status == 200 }, 'a new nginx answers');
    all_released();
};

subtest 'tokens survive a configuration reload of nginx' => sub {
    my @viewers = views(TOKENS);
    my $before = holders();
    my (undef, @old) = $site->pids('nginx');
    $site->kill(HUP => 'nginx');
    my %old = map { $_ => 1 } @old;
    $site->soon(sub { 1 < grep { !$old{$_} } $site->pids('nginx') }, 'new nginx workers have started');
    still_held($before, @viewers);
};

subtest 'tokens survive a rotation of the journal' => sub {
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
    $site->soon(sub { -e $journal }, 'nginx creates a new journal');
    still_held(holders(), @viewers);
    my $size = -s $journal;
    close_all(views(TOKENS));
    $site->soon(sub { -s $journal > $size }, 'nginx writes to the new journal');
    all_released();
};

subtest 'the journal gives its memory back once it has been read' => sub {
    my $journal = $site->run_path('journal');
    my $request = "GET /-media/none HTTP/1.1\r\nHost: localhost\r\n";
    my $requests = "$request\r\n" x 500 . "${request}Connection: close\r\n\r\n";
    my $deadline = time + 30;
    until (-s $journal > JOURNAL || time > $deadline) {
        my @connections = map { $site->connect->send($requests) } 1 .. 4;
        $_->rest for @connections;
    }
    my $size = -s $journal;
    cmp_ok $size, '>', JOURNAL, 'the journal has grown beyond the test size';
    $site->soon(sub { $bucket->journal_offset == -s $journal }, 'the supervisor has read the whole journal');
    cmp_ok +(stat $journal)[12] * 512, '<=', 2 * 1024 * 1024 + 65_536, 'the memory of all but the last mebibyte is released, and one mebibyte is preallocated';
    $site->get($url)->is(200, 'a video is still delivered');
    all_released();
};

$site->stop;

subtest 'VS_STREAM_TOKENS_PER_CLIENT limits each client' => sub {
    $site = Site->start(VS_STREAM_TOKENS_PER_CLIENT => 2);
    $bucket = Bucket->new($site);
    $url = '/stream/videos/' . add_video($site->user('ben'), $long);
    my @viewers = views(2);
    my $refused = $site->get($url)->is(429)->problem('011')->header_like('Retry-After', qr/^[1-9]\d*$/);
    is $refused->json->{detail}, 'this client is at its streaming limit', 'the detail names the limit';
    is $bucket->in_use, 2, 'a rejected request takes no token';
    my @others = map { view(from => '127.0.0.2') } 1 .. 2;
    is_deeply [map { status($_) } @others], [200, 200], 'another address has its own limit';
    $site->get($url, from => '127.0.0.2')->is(429);
    close_all(pop @others);
    $site->soon(sub { $bucket->in_use == 3 }, 'a token of the other address is released');

    my ($home, $away) = map { $site->user('cleo') } 1, 2;
    my @home = map { view(actor => $home) } 1, 2;
    is_deeply [map { status($_) } @home], [200, 200], 'a session has its own limit';
    $home->get($url)->is(429, 'a session beyond its limit is rejected');
    $home->get($url, from => '127.0.0.3')->is(429, 'a session beyond its limit is rejected from another address, too');
    $away->get($url, headers => {Range => 'bytes=0-1'})->is(206, 'another session of the same user has its own limit');
    for my $token ('x' x 43, 'x') {
        $site->get($url, headers => {'X-Session-Id' => $token})->is(429, 'a request with an invalid session counts for its address');
    }
    close_all(@home);
    $site->soon(sub { $bucket->in_use == 3 }, 'the tokens of the session are released');

    (shift @viewers)->close;
    $site->soon(sub { $bucket->in_use == 2 }, 'a token of the first address is released');
    push @viewers, view();
    is status($viewers[-1]), 200, 'the same client can take the released token';
    close_all(@viewers, @others);
    all_released();
};

done_testing;
