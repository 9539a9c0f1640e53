# FastCGI in a pool: kept connections, unread bodies, incomplete requests, request smuggling.

use v5.36;

use FindBin;
use Time::HiRes qw(time);

use lib "$FindBin::Bin/lib";
use Site;

use constant {
    THREADS      => 2,                  # of a pool
    STALL        => 2,                  # seconds that a connection may block a thread: the timeout and a tick
    KEPT         => 64 * 1024,          # maximum bytes of a JSON body
    DRAINED      => 2 * 1024 * 1024,    # bytes of a body that a pool reads and discards to keep the connection
    READ_BYTES   => 8192,               # of a read of libfcgi
    FORGED_BYTES => 512,                # of a forged request
};

my $site = Site->start(
    VS_RECEIVE_TIMEOUT => '1s',
    map { ("VS_${_}_PROCESSES" => 1, "VS_${_}_THREADS" => THREADS) } qw(API STREAM),
);
my ($ann, $bob) = map { $site->user($_) } qw(ann bob);
my $video = $ann->post('/api/videos', {title => 'Bunny'})->is(201)->json->{id};

# The parameters of a GET request.
sub get ($path) { return {REQUEST_METHOD => 'GET', REQUEST_URI => $path} }

# The parameters of a user's request.
sub as ($user, $method, $path) {
    return {REQUEST_METHOD => $method, REQUEST_URI => $path, HTTP_X_SESSION_ID => $user->session};
}

sub status ($answer = undef) { return $answer ? $answer->{status} : 'no answer' }

# The bytes of a whole request.
sub bytes ($params, $body = '', %options) {
    my %all = (FastCGI::usual(), %$params, length $body ? (CONTENT_LENGTH => length $body) : ());
    return FastCGI::begin(1, $options{keep} // 1) . FastCGI::params(1, \%all) . FastCGI::stdin(1, $body);
}

# How long the function takes, in seconds.
sub seconds ($function) {
    my $start = time;
    $function->();
    return time - $start;
}

subtest 'a kept connection serves many requests of different users' => sub {
    my $pool = $site->fastcgi('api');
    my %wrong;
    for my $i (1 .. 300) {
        my ($user, $status) = $i % 3 == 0 ? ($ann, 403) : $i % 3 == 1 ? ($bob, 400) : (undef, 401);
        my $params = $user ? as($user, 'POST', '/api/videos') : {%{get('/api/videos')}, REQUEST_METHOD => 'POST'};
        my $body = $user && $user == $ann ? sprintf '{"title": "x", "author_id": %d}', $bob->id : '{"title": ""}';
        my $answer = $pool->request($params, body => $body, keep => 1, id => $i);
        $wrong{$i} = status($answer) if status($answer) ne $status || $answer->{id} != $i;
    }
    is_deeply \%wrong, {}, 'each of 300 requests gets the response of its own user';
    is status($pool->request(get('/api/videos'))), 200, 'a request without the keep flag is answered';
    ok $pool->is_closed(1), 'the connection is closed after a request without the keep flag';
};

subtest 'a connection without the keep flag is closed at once' => sub {
    my $pool = $site->fastcgi('api');
    my $took = seconds(sub {
        is status($pool->request(get('/api/videos'))), 200, 'a request without the keep flag is answered';
        ok $pool->is_closed, 'the connection is closed';
    });
    cmp_ok $took, '<', 1, 'the pool closes the connection without waiting for the peer';
};

subtest 'a connection is kept after an unread body, unless the body is too large' => sub {
    my $pool = $site->fastcgi('api');
    for my $length (1, READ_BYTES, KEPT - 1, KEPT, KEPT + 1, 2 * KEPT, DRAINED - 100_000) {
        is status($pool->request(get('/api/videos'), body => 'x' x $length, keep => 1)), 200,
            "a GET with an unread body of $length bytes is answered";
        is status($pool->request(get("/api/videos/$video"), keep => 1)), 200,
            "the next request is answered after an unread body of $length bytes";
    }
    my $big = 'x' x (1.5 * DRAINED);
    is status($pool->request(as($ann, 'POST', '/api/videos'), body => $big, keep => 1)), 413,
        'a body over the drain limit is rejected with 413';
    ok $pool->is_closed(1), 'the connection is closed after a body over the drain limit';

    $pool = $site->fastcgi('api');
    $big = '{"title": "' . 'x' x KEPT . '"}';
    is status($pool->request(as($ann, 'POST', '/api/videos'), body => $big, keep => 1)), 413,
        'a body over 64 KiB is rejected with 413';
    is status($pool->request(get('/api/videos'), keep => 1)), 200, 'the connection is kept after a body over 64 KiB';
};

# --- request smuggling

# Every row of the route tables, with ids that exist or not, and a few requests that match no route.
my %POOL = ('fcgi-api' => 'api', 'fcgi-stream' => 'stream', scheduler => 'scheduler');
my @ROUTES = ([login => 'POST', '/api/users'], [login => 'POST', '/api/sessions'], [api => 'PUT', '/api/videos'],
    [api => 'OPTIONS', '/api/videos'], [api => 'GET', '/api/nothing'], [stream => 'GET', '/stream/nothing'], [scheduler => 'GET', '/scheduler']);
for my $program (sort keys %POOL) {
    open my $file, '<', "$FindBin::Bin/../$program/routes.c" or die "cannot read the routes of $program: $!\n";
    while (<$file>) {
        my ($method, $path) = /\{METHOD_(\w+),\s*"([^"]+)"/ or next;
        my $vid = $method =~ /^(?:GET|POST|GATE|OPTIONS)$/ ? $video : 999;
        $path =~ s/:vid/$vid/;
        $path =~ s/:uid/1/;
        $path =~ s/:\w+/00000000-0000-4000-8000-000000000000/;
        push @ROUTES, [$POOL{$program}, $method eq 'GATE' ? 'gate' : $method, $path];
    }
}

# The request that an attacker tries to smuggle: bob deletes one of his videos. Its length divides the
# size of libfcgi's reads, so that a forged request begins wherever a read ends.
sub forge ($id, $victim) {
    my %params = (%{as($bob, 'DELETE', "/api/videos/$victim")}, REMOTE_ADDR => '10.9.8.7', REQUEST_ID => $id);
    return bytes(padded(\%params, length FastCGI::stdin(1, '')));
}

sub was_not_executed ($id, $victim) {
    is_deeply [$site->log_lines(qr/id=$id/)], [], 'no forged request was executed';
    $site->get("/api/videos/$victim")->is(200, 'the video that the forged request would delete exists');
    return;
}

# Adds a parameter to the others, so that the request up to its body and the following $rest bytes are
# together a multiple of FORGED_BYTES long.
sub padded ($params, $rest = 0) {
    my $fill = 'x' x 128;
    my $length = length(bytes({%$params, FILL => $fill})) - length(FastCGI::stdin(1, '')) + $rest;
    return {%$params, FILL => $fill . 'x' x (-$length % FORGED_BYTES)};
}

# A request whose body consists of forged requests, aligned so that they begin where reads end.
sub smuggle ($params, $forged, $count) {
    my $bytes = substr bytes(padded($params)), 0, -length FastCGI::stdin(1, '');
    my $line_up = 'x' x (FORGED_BYTES - 8);
    while ($count > 0) {
        my $now = $count < 100 ? $count : 100;
        $bytes .= FastCGI::record(FastCGI::TYPE_STDIN, 1, $line_up . $forged x $now);
        $count -= $now;
    }
    return $bytes . FastCGI::stdin(1, '');
}

subtest 'requests forged in the body of another request are not executed' => sub {
    my $victim = $bob->post('/api/videos', {title => 'Elephants'})->is(201)->json->{id};
    my $forged = forge('f0' x 16, $victim);
    is length $forged, FORGED_BYTES, 'the forged request has the required length';
    for my $route (@ROUTES) {
        my ($pool, $method, $path) = @$route;
        my %wrong;
        for my $count (20, 2 * KEPT / FORGED_BYTES, 1.5 * DRAINED / FORGED_BYTES) {
            my $connection = $site->fastcgi($pool);
            $connection->send(smuggle(as($ann, $method, $path), $forged, $count));
            my $answer = $connection->answer;
            $wrong{$count} = 'no answer' if !$answer;
            # The next request gets its own response, or none when the connection was closed.
            $connection->send(bytes({%{get('/nowhere')}, REQUEST_ID => 'a' x 32}));
            my $next = $connection->answer;
            $wrong{$count} = $next->{status} if $next && $next->{status} != 404;
            $wrong{$count} = 'closed' if !$next && $count < DRAINED / FORGED_BYTES;
        }
        is_deeply \%wrong, {}, "$pool: $method $path with forged requests in its body is answered normally";
    }
    was_not_executed('f0' x 16, $victim);
};

# Through nginx an attacker cannot choose the alignment. So the test tries each alignment in turn, with the
# forged requests after many records without effect.
subtest 'requests forged in a body that nginx forwards are not executed' => sub {
    my $no_effect = FastCGI::record(FastCGI::TYPE_STDIN, 7, 'x' x 8);
    my $victim = $bob->post('/api/videos', {title => 'Sintel'})->is(201)->json->{id};
    my $body = ($no_effect x 200 . forge('f1' x 16, $victim)) x 16;
    my %wrong;
    for my $route (grep { $_->[1] ne 'gate' } @ROUTES) {
        my (undef, $method, $path) = @$route;
        for my $shift (0 .. length($no_effect) - 1) {
            my $answer = $ann->request($method, $path, body => ('y' x $shift) . $body);
            $wrong{"$method $path"} = $answer->status if $answer->status == 0 || $answer->status >= 500;
        }
    }
    is_deeply \%wrong, {}, 'all requests are answered';
    was_not_executed('f1' x 16, $victim);
};

# --- slow peers

# Checks that the site answers other clients within the time for which $count slow connections may block it.
sub others_are_served ($count, $name) {
    my $took = seconds(sub { $site->get('/api/videos?limit=1')->is(200, "$name: other clients are served") });
    cmp_ok $took, '<', STALL * $count / THREADS + 1, "$name: other clients are served in time";
    return;
}

subtest 'connections with incomplete requests are closed, idle ones are kept' => sub {
    my $request = bytes(as($ann, 'POST', '/api/videos'), '{"title": "never whole"}');
    my $body_start = length($request) - 40;
    my @cuts = (
        ['half a header', 5], ['half the parameters', 100], ['half the body', $body_start],
        ['all but its end', length($request) - 1],
    );
    my @idle = map { $site->fastcgi('api') } 1 .. 3 * THREADS;
    others_are_served(0, 'idle connections');

    my @stalled;
    for my $cut (@cuts) {
        my $pool = $site->fastcgi('api');
        $pool->send(substr $request, 0, $cut->[1]);
        push @stalled, [$cut->[0], $pool];
    }
    others_are_served(scalar @stalled, 'incomplete requests');
    ok $_->[1]->is_closed(STALL * @stalled), "a connection with $_->[0] of a request is closed" for @stalled;
    is scalar(grep { $_->is_closed(0.01) } @idle), 0, 'the idle connections are kept';
    is status($idle[0]->request(get('/api/videos'), keep => 1)), 200, 'an idle connection can still be used';
};

subtest 'connections with requests that arrive byte by byte are closed' => sub {
    my $request = bytes(as($ann, 'POST', '/api/videos'), '{"title": "' . 'x' x 5000 . '"}');
    my @slow = map { {pool => $site->fastcgi('api'), at => $_} } 3, 200, 1000, 1500;
    $_->{pool}->send(substr $request, 0, $_->{at}) for @slow;
    my $other = $site->open('GET', '/api/videos?limit=1');
    my ($served, $start) = (undef, time);
    while (my @open = grep { !$_->{closed} } @slow) {
        last if time - $start > STALL * @slow;
        for my $slow (@open) {
            $slow->{pool}->send(substr $request, $slow->{at}++, 1);
            $slow->{closed} = $slow->{pool}->is_closed(0.02);
        }
        $served //= time - $start if $other->await(qr/^HTTP/, 0.01);
    }
    ok defined $served, 'other clients are served';
    is scalar(grep { !$_->{closed} } @slow), 0, 'the slow connections are closed';
};

subtest 'connections with invalid FastCGI records are closed' => sub {
    my ($worker) = ($site->pids('fcgi-api'))[1];
    my $begin = FastCGI::begin(1, 1);
    my %usual = FastCGI::usual();
    my %invalid = (
        'no FastCGI at all'        => "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        'zero bytes'               => "\0" x 10_000,
        '0xff bytes'               => "\xff" x 10_000,
        'parameters without begin' => FastCGI::params(1, \%usual),
        'another version'          => "\x02" . substr($begin, 1),
        'another role'             => FastCGI::record(FastCGI::TYPE_BEGIN, 1, pack 'nCx5', 3, 1) . FastCGI::params(1, \%usual),
        'a short begin'            => FastCGI::record(FastCGI::TYPE_BEGIN, 1, 'abc'),
        'a truncated parameter'    => $begin . FastCGI::stream(FastCGI::TYPE_PARAMS, 1, "\x20\x20abc"),
        'a parameter of 2 GiB'     => $begin . FastCGI::stream(FastCGI::TYPE_PARAMS, 1, "\xff\xff\xff\xff\xff\xff\xff\xff"),
        'garbage in the body'      => $begin . FastCGI::params(1, \%usual) . 'xyz' x 100,
        'an abort'                 => $begin . FastCGI::params(1, \%usual) . FastCGI::abort(1),
        'an abort in the body'     => $begin . FastCGI::params(1, \%usual)
            . FastCGI::record(FastCGI::TYPE_STDIN, 1, 'x' x 100) . FastCGI::abort(1),
    );
    for my $name (sort keys %invalid) {
        my $pool = $site->fastcgi('api');
        $pool->send($invalid{$name});
        # Bytes that keep arriving must not block the thread either.
        $site->soon(sub { !$pool->send("\1") }, "$name: the connection is closed", 2 * STALL);
    }
    $site->get('/api/videos?limit=1')->is(200, 'other clients are served afterwards');
    is +($site->pids('fcgi-api'))[1], $worker, 'the worker has not been restarted';
};

subtest 'connections whose peer does not read the response are closed' => sub {
    $site->sql("INSERT INTO videos (author_id, title, description)"
        . " SELECT 1, 'large', repeat(U&'\\+01F600', 5000) FROM generate_series(1, 100)");
    my @not_reading = map { $site->fastcgi('api') } 1 .. 2 * THREADS;
    $_->send(bytes(get('/api/videos?limit=100'))) for @not_reading;
    others_are_served(scalar @not_reading, 'responses that are not read');
    $site->soon(sub { !$not_reading[0]->send("\1") }, 'the connection of a peer that does not read is closed');
    ok !$not_reading[0]->answer, 'the response of a peer that does not read is cut off';
};

subtest 'a pool keeps hundreds of idle connections' => sub {
    my @idle = map { $site->fastcgi($_ % 2 ? 'api' : 'stream') } 1 .. 300;
    $_->send(bytes(get('/nowhere'))) for @idle;
    is scalar(grep { status($_->answer) eq 404 } @idle), 300, '300 connections are served';
    others_are_served(0, '300 idle connections');
    my $again = grep { status($_->request(get('/nowhere'), keep => 1)) eq 404 } @idle;
    is $again, 300, 'the 300 kept connections are served again';
};

done_testing;
