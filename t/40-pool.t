# A pool's FastCGI: kept connections, bodies that nobody reads, requests that don't arrive, smuggling.

use v5.36;

use FindBin;
use Time::HiRes qw(time);

use lib "$FindBin::Bin/lib";
use Site;

use constant {
    THREADS      => 2,          # of a pool
    STALL        => 2,          # seconds that one connection may hold a thread: the timeout and a tick
    KEPT         => 64 * 1024,  # bytes of a body that the server keeps
    DRAINED      => 2 * 1024 * 1024,
    READ_BYTES   => 8192,       # libfcgi's reads
    FORGED_BYTES => 512,
};

my $site = Site->start(
    VS_RECEIVE_TIMEOUT => '1s',
    map { ("VS_${_}_PROCESSES" => 1, "VS_${_}_THREADS" => THREADS) } qw(API STREAM),
);
my ($ann, $bob) = map { $site->user($_) } qw(ann bob);
my $video = $ann->post('/api/videos', {title => 'Bunny'})->is(201)->json->{id};

# The parameters of a request.
sub get ($path) { return {REQUEST_METHOD => 'GET', REQUEST_URI => $path} }

sub as ($user, $method, $path) {
    return {REQUEST_METHOD => $method, REQUEST_URI => $path, HTTP_X_SESSION_ID => $user->session};
}

sub status ($answer = undef) { return $answer ? $answer->{status} : 'no answer' }

# A whole request as bytes; the body may be shorter than it says.
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

subtest 'a kept connection' => sub {
    my $pool = $site->fastcgi('api');
    my %wrong;
    for my $i (1 .. 300) {
        my ($user, $status) = $i % 3 == 0 ? ($ann, 403) : $i % 3 == 1 ? ($bob, 400) : (undef, 401);
        my $params = $user ? as($user, 'POST', '/api/videos') : {%{get('/api/videos')}, REQUEST_METHOD => 'POST'};
        my $body = $user && $user == $ann ? sprintf '{"title": "x", "author_id": %d}', $bob->id : '{"title": ""}';
        my $answer = $pool->request($params, body => $body, keep => 1, id => $i);
        $wrong{$i} = status($answer) if status($answer) ne $status || $answer->{id} != $i;
    }
    is_deeply \%wrong, {}, 'serves 300 requests of two users and of nobody, each as its own';
    is status($pool->request(get('/api/videos'))), 200, 'the last one is answered';
    ok $pool->is_closed(1), 'and as it did not ask to be kept, the connection is closed';
};

subtest 'closing' => sub {
    my $pool = $site->fastcgi('api');
    my $took = seconds(sub {
        is status($pool->request(get('/api/videos'))), 200, 'a request without the keep flag';
        ok $pool->is_closed, 'the connection is closed';
    });
    cmp_ok $took, '<', 1, 'without waiting for the peer';
};

subtest 'a body that nobody reads' => sub {
    my $pool = $site->fastcgi('api');
    for my $length (1, READ_BYTES, KEPT - 1, KEPT, KEPT + 1, 2 * KEPT, DRAINED - 100_000) {
        is status($pool->request(get('/api/videos'), body => 'x' x $length, keep => 1)), 200, "$length bytes: answered";
        is status($pool->request(get("/api/videos/$video"), keep => 1)), 200, 'and so is the next request';
    }
    my $big = 'x' x (1.5 * DRAINED);
    is status($pool->request(as($ann, 'POST', '/api/videos'), body => $big, keep => 1)), 413, 'too much: refused';
    ok $pool->is_closed(1), 'and the connection is closed';

    $pool = $site->fastcgi('api');
    $big = '{"title": "' . 'x' x KEPT . '"}';
    is status($pool->request(as($ann, 'POST', '/api/videos'), body => $big, keep => 1)), 413, 'more than is kept: refused';
    is status($pool->request(get('/api/videos'), keep => 1)), 200, 'and the connection goes on';
};

# --- smuggling

# Every row of the route tables, with ids of what there is and of what there isn't, and a few that are none.
my %POOL = ('fcgi-api' => 'api', 'fcgi-stream' => 'stream', scheduler => 'scheduler');
my @ROUTES = ([login => 'POST', '/api/users'], [login => 'POST', '/api/sessions'], [api => 'PUT', '/api/videos'],
    [api => 'OPTIONS', '/api/videos'], [api => 'GET', '/api/nothing'], [stream => 'GET', '/stream/nothing'], [scheduler => 'GET', '/scheduler']);
for my $program (sort keys %POOL) {
    open my $file, '<', "$FindBin::Bin/../$program/routes.c" or die "cannot read the routes of $program: $!\n";
    for (<$file>) {
        my ($method, $path) = /\{METHOD_(\w+),\s*"([^"]+)"/ or next;
        my $vid = $method =~ /^(?:GET|POST|GATE|OPTIONS)$/ ? $video : 999;
        $path =~ s/:vid/$vid/;
        $path =~ s/:uid/1/;
        $path =~ s/:\w+/00000000-0000-4000-8000-000000000000/;
        push @ROUTES, [$POOL{$program}, $method eq 'GATE' ? 'gate' : $method, $path];
    }
}

# What an attacker would like to be taken for a request: bob deletes a video of his. Its length divides
# that of libfcgi's reads, so that wherever a read ends, there is one to begin with.
sub forge ($id, $victim) {
    my %params = (%{as($bob, 'DELETE', "/api/videos/$victim")}, REMOTE_ADDR => '10.9.8.7', REQUEST_ID => $id);
    return bytes(filled(\%params, length FastCGI::stdin(1, '')));
}

sub was_not_executed ($id, $victim) {
    is_deeply [$site->log_lines(qr/id=$id/)], [], 'no forged request was executed';
    $site->get("/api/videos/$victim")->is(200, 'its victim is there');
    return;
}

# The parameters and one more, so that a request is a multiple of FORGED_BYTES long up to its body, with
# $rest bytes still to come.
sub filled ($params, $rest = 0) {
    my $fill = 'x' x 128;
    my $length = length(bytes({%$params, FILL => $fill})) - length(FastCGI::stdin(1, '')) + $rest;
    return {%$params, FILL => $fill . 'x' x (-$length % FORGED_BYTES)};
}

# A request whose body is made of such, and whose records lie so that these are where reads end.
sub smuggle ($params, $forged, $count) {
    my $bytes = substr bytes(filled($params)), 0, -length FastCGI::stdin(1, '');
    my $line_up = 'x' x (FORGED_BYTES - 8);
    while ($count > 0) {
        my $now = $count < 100 ? $count : 100;
        $bytes .= FastCGI::record(FastCGI::TYPE_STDIN, 1, $line_up . $forged x $now);
        $count -= $now;
    }
    return $bytes . FastCGI::stdin(1, '');
}

subtest 'a body that looks like a request' => sub {
    my $victim = $bob->post('/api/videos', {title => 'Elephants'})->is(201)->json->{id};
    my $forged = forge('f0' x 16, $victim);
    is length $forged, FORGED_BYTES, 'the forged request is as long as it has to be';
    for my $route (@ROUTES) {
        my ($pool, $method, $path) = @$route;
        my %unharmed;
        for my $count (20, 2 * KEPT / FORGED_BYTES, 1.5 * DRAINED / FORGED_BYTES) {
            my $connection = $site->fastcgi($pool);
            $connection->send(smuggle(as($ann, $method, $path), $forged, $count));
            my $answer = $connection->answer;
            $unharmed{$count} = 'no answer' if !$answer;
            # What follows is answered as what it is, or not at all when the connection was closed.
            $connection->send(bytes({%{get('/nowhere')}, REQUEST_ID => 'a' x 32}));
            my $next = $connection->answer;
            $unharmed{$count} = $next->{status} if $next && $next->{status} != 404;
            $unharmed{$count} = 'closed' if !$next && $count < DRAINED / FORGED_BYTES;
        }
        is_deeply \%unharmed, {}, "$pool: $method $path";
    }
    was_not_executed('f0' x 16, $victim);
};

# Through nginx an attacker can't choose where his bytes lie, so he lets them begin at each place in turn,
# after a long run of records that have no effect.
subtest 'the same through nginx' => sub {
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
    is_deeply \%wrong, {}, 'all are answered';
    was_not_executed('f1' x 16, $victim);
};

# --- peers that hold things up

# The site answers others within the time that $count such connections may take together.
sub others_are_served ($count, $name) {
    my $took = seconds(sub { $site->get('/api/videos?limit=1')->is(200, "$name: others are served") });
    cmp_ok $took, '<', STALL * $count / THREADS + 1, "$name: and soon";
    return;
}

subtest 'requests that do not arrive' => sub {
    my $request = bytes(as($ann, 'POST', '/api/videos'), '{"title": "never whole"}');
    my $body_start = length($request) - 40;
    my @pieces = (
        ['half a header', 5], ['half the parameters', 100], ['half the body', $body_start],
        ['all but its end', length($request) - 1],
    );
    my @idle = map { $site->fastcgi('api') } 1 .. 3 * THREADS;
    others_are_served(0, 'connections on which nothing comes');

    my @stalled;
    for my $piece (@pieces) {
        my $pool = $site->fastcgi('api');
        $pool->send(substr $request, 0, $piece->[1]);
        push @stalled, [$piece->[0], $pool];
    }
    others_are_served(scalar @stalled, 'requests of which the rest does not come');
    ok $_->[1]->is_closed(STALL * @stalled), "$_->[0]: the connection is closed" for @stalled;
    is scalar(grep { $_->is_closed(0.01) } @idle), 0, 'the others are not';
    is status($idle[0]->request(get('/api/videos'), keep => 1)), 200, 'they still can be used';
};

subtest 'requests that arrive byte by byte' => sub {
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
    ok defined $served, 'others are served';
    is scalar(grep { !$_->{closed} } @slow), 0, 'and the slow connections are closed';
};

subtest 'nonsense' => sub {
    my ($worker) = ($site->pids('fcgi-api'))[1];
    my $begin = FastCGI::begin(1, 1);
    my %usual = FastCGI::usual();
    my %nonsense = (
        'no FastCGI at all'        => "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        'zeros'                    => "\0" x 10_000,
        'all ones'                 => "\xff" x 10_000,
        'parameters without begin' => FastCGI::params(1, \%usual),
        'another version'          => "\x02" . substr($begin, 1),
        'another role'             => FastCGI::record(FastCGI::TYPE_BEGIN, 1, pack 'nCx5', 3, 1) . FastCGI::params(1, \%usual),
        'a short begin'            => FastCGI::record(FastCGI::TYPE_BEGIN, 1, 'abc'),
        'a parameter cut off'      => $begin . FastCGI::stream(FastCGI::TYPE_PARAMS, 1, "\x20\x20abc"),
        'a parameter of 2 GiB'     => $begin . FastCGI::stream(FastCGI::TYPE_PARAMS, 1, "\xff\xff\xff\xff\xff\xff\xff\xff"),
        'nonsense in the body'     => $begin . FastCGI::params(1, \%usual) . 'xyz' x 100,
        'an abort'                 => $begin . FastCGI::params(1, \%usual) . FastCGI::abort(1),
        'an abort in the body'     => $begin . FastCGI::params(1, \%usual)
            . FastCGI::record(FastCGI::TYPE_STDIN, 1, 'x' x 100) . FastCGI::abort(1),
    );
    for my $name (sort keys %nonsense) {
        my $pool = $site->fastcgi('api');
        $pool->send($nonsense{$name});
        # Bytes that keep coming must not keep the thread, either.
        $site->soon(sub { !$pool->send("\1") }, "$name: the connection is closed", 2 * STALL);
    }
    $site->get('/api/videos?limit=1')->is(200, 'others are served');
    is +($site->pids('fcgi-api'))[1], $worker, 'by the same worker';
};

subtest 'peers that do not read' => sub {
    $site->sql("INSERT INTO videos (author_id, title, description)"
        . " SELECT 1, 'large', repeat(U&'\\+01F600', 5000) FROM generate_series(1, 100)");
    my @deaf = map { $site->fastcgi('api') } 1 .. 2 * THREADS;
    $_->send(bytes(get('/api/videos?limit=100'))) for @deaf;
    others_are_served(scalar @deaf, 'answers that nobody reads');
    $site->soon(sub { !$deaf[0]->send("\1") }, 'the connection of such a peer is closed');
    ok !$deaf[0]->answer, 'and its answer cut off';
};

subtest 'many idle connections' => sub {
    my @idle = map { $site->fastcgi($_ % 2 ? 'api' : 'stream') } 1 .. 300;
    $_->send(bytes(get('/nowhere'))) for @idle;
    is scalar(grep { status($_->answer) eq 404 } @idle), 300, '300 are served, and kept';
    others_are_served(0, 'beside them');
    my $again = grep { status($_->request(get('/nowhere'), keep => 1)) eq 404 } @idle;
    is $again, 300, 'they are served once more';
};

done_testing;
