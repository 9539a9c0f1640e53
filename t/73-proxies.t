# Behind a proxy: the client's address, Secure cookies, and the endpoints for local clients only.

use v5.36;

use FindBin;

use lib "$FindBin::Bin/lib";
use Bucket;
use Site;

use constant CLIENT => '203.0.113.9';

# Requests from 127.0.0.1 stand for a trusted proxy on this machine, from 127.0.0.3 for another trusted proxy,
# and from 127.0.0.2 for a client that is not a trusted proxy.
my $site = Site->start(VS_TRUSTED_PROXIES => '127.0.0.1, 127.0.0.3/32 10.0.0.0/8,fd00::/8', VS_STREAM_TOKENS_PER_CLIENT => 1);
my $ann = $site->user('ann');
my $vid = $ann->post('/api/videos', {title => 'Bunny'})->is(201)->json->{id};
$ann->upload($vid, 'bunny.mp4')->is(201);

# The video of a viewer that reads nothing and therefore holds a token.
my $large = $ann->post('/api/videos', {title => 'Large'})->is(201)->json->{id};
$ann->upload($large, Site::Media::path($site->folder, 'large.mp4', 20_000_000))->is(201);
my $bucket = Bucket->new($site);

# Starts a viewer whose address is forwarded like this.
sub viewer ($forwarded, %options) {
    $site->soon(sub { $bucket->in_use == 0 }, 'no token is in use');
    my $viewer = $site->open('GET', "/stream/videos/$large", buffer => 4096,
        headers => {defined $forwarded ? ('X-Forwarded-For' => $forwarded) : ()}, %options);
    $site->soon(sub { $bucket->in_use == 1 }, 'a viewer holds a token');
    return $viewer;
}

# The status of a request that is forwarded like this.
sub status ($forwarded, %options) {
    return $site->get("/stream/videos/$vid", headers => {defined $forwarded ? ('X-Forwarded-For' => $forwarded) : ()}, %options)->status;
}

subtest 'the client is the last forwarded address that is not a trusted proxy' => sub {
    my $viewer = viewer(CLIENT);
    is status(CLIENT), 429, 'a client behind the proxy at its limit gets 429';
    is status('203.0.113.10'), 200, 'another client behind the proxy has its own limit';
    is status(undef), 200, 'the proxy itself has its own limit';
    is status('1.2.3.4, ' . CLIENT), 429, 'an address that the client itself sent is ignored';
    is status(CLIENT . ', 203.0.113.10'), 200, 'an address that the client sent does not count as its own';
    is status(CLIENT . ', 10.1.2.3'), 429, 'behind two trusted proxies the address before them counts';
    is status(CLIENT . ', fd00::7, 10.1.2.3'), 429, 'behind three trusted proxies the address before them counts';
    is status(CLIENT, from => '127.0.0.3'), 429, 'behind another trusted proxy it is the same client';
    is status(CLIENT, from => '127.0.0.2'), 200, 'the forwarded address of an untrusted client is ignored';
    $viewer->close;
    $site->soon(sub { status(CLIENT) == 200 }, 'the token is released when the viewer disconnects');

    $viewer = viewer(CLIENT, from => '127.0.0.2');
    is status(undef, from => '127.0.0.2'), 429, 'an untrusted client counts by its own address';
    is status('198.51.100.1', from => '127.0.0.2'), 429, 'an untrusted client counts by its own address whatever it forwards';
    is status(CLIENT), 200, 'the client whose address it forwarded keeps its own limit';
    $viewer->close;
};

sub cookies (%how) {
    my %body = (user_name => 'ann', pwd => $site->PASSWORD);
    return $site->post('/api/sessions', \%body, %how)->is(200)->header('Set-Cookie');
}

subtest 'cookies are Secure if a trusted proxy says that the client uses TLS' => sub {
    for my $case (
        ['https', '127.0.0.1', 1, 'X-Forwarded-Proto: https from the proxy'],
        ['HTTPS', '127.0.0.1', 1, 'X-Forwarded-Proto: HTTPS from the proxy'],
        ['http',  '127.0.0.1', 0, 'X-Forwarded-Proto: http from the proxy'],
        [undef,         '127.0.0.1', 0, 'no X-Forwarded-Proto from the proxy'],
        ['http, https', '127.0.0.1', 0, 'two protocols from the proxy'],
        ['https',       '127.0.0.2', 0, 'X-Forwarded-Proto: https from an untrusted client'],
        ['https',       '127.0.0.3', 1, 'X-Forwarded-Proto: https from the other trusted proxy'],
    ) {
        my ($proto, $from, $secure, $name) = @$case;
        my @cookies = cookies(from => $from, headers => {defined $proto ? ('X-Forwarded-Proto' => $proto) : ()});
        is scalar(grep { /; Secure(?:;|$)/ } @cookies), $secure ? 2 : 0, "$name: cookies " . ($secure ? 'are' : 'are not') . ' Secure';
    }
    my %tls = (headers => {'X-Forwarded-Proto' => 'https', 'X-Session-Id' => $site->user('ann')->session});
    is scalar(grep { /; Secure/ } $site->delete('/api/sessions', %tls)->is(205)->header('Set-Cookie')), 2, 'a logout over TLS clears both cookies with Secure';
    my $user = $site->user('ann');
    $user->post('/api/videos', {title => 'x'}, headers => {'X-Forwarded-Proto' => 'https', 'X-Session-Id' => undef,
        Cookie => 'X-Session-Id=' . $user->session, Origin => 'https://localhost:' . $site->port})->is(201, 'a page of the site over TLS may write');
};

subtest '/metrics and /scheduler are for clients on this machine only' => sub {
    my @local = (['GET', '/metrics'], ['DELETE', '/scheduler/videos/999']);
    for my $request (@local) {
        my ($method, $path) = @$request;
        $site->request($method, $path)->is(200, "$method $path from this machine returns 200");
        for my $case (
            [{'X-Forwarded-For' => CLIENT}, '127.0.0.1', 'a remote client behind the proxy on this machine'],
            [{'X-Forwarded-For' => '127.0.0.1'}, '127.0.0.1', 'a client behind the proxy that claims to be 127.0.0.1'],
            [{'X-Forwarded-For' => '::1'}, '127.0.0.1', 'a client behind the proxy that claims to be ::1'],
            [{'X-Forwarded-For' => '127.0.0.1'}, '127.0.0.3', 'a client behind another trusted proxy that claims to be 127.0.0.1'],
            [{'X-Forwarded-For' => '127.0.0.1, 10.0.0.1'}, '127.0.0.1', 'a client behind several proxies that claims to be 127.0.0.1'],
            [{'Forwarded' => 'for=127.0.0.1'}, '127.0.0.1', 'a client behind a proxy that sends Forwarded (RFC 7239)'],
            [{'Via' => '1.1 proxy'}, '127.0.0.1', 'a client behind a proxy that sends only Via'],
            [{}, '127.0.0.3', 'a trusted proxy itself'],
            [{}, '127.0.0.2', 'another address'],
        ) {
            my ($headers, $from, $name) = @$case;
            $site->request($method, $path, headers => $headers, from => $from)->is(403, "$method $path from $name returns 403")->problem('006');
        }
    }
};

# As behind a proxy that is not configured.
subtest 'without VS_TRUSTED_PROXIES forwarded headers are ignored' => sub {
    my $plain = Site->start;
    $plain->user('bob');
    my %forged = (headers => {'X-Forwarded-For' => CLIENT, 'X-Forwarded-Proto' => 'https'});
    my @cookies = $plain->post('/api/sessions', {user_name => 'bob', pwd => $plain->PASSWORD}, %forged)->is(200)->header('Set-Cookie');
    is scalar(grep { /Secure/ } @cookies), 0, 'cookies are not Secure, since any client can send X-Forwarded-Proto';
    $plain->get('/metrics')->is(200);
    $plain->get('/metrics', %forged)->is(403, 'a forwarded request is not treated as local');
    $plain->stop;
};

subtest 'a site with an invalid VS_TRUSTED_PROXIES does not start' => sub {
    for my $bad ('proxy.example', '10.0.0.1/8', '127.0.0.1; 127.0.0.2', '::1/129', 'unix:') {
        my $site = Site->new(VS_TRUSTED_PROXIES => $bad);
        $site->run;
        ok $site->await_end, "a site with VS_TRUSTED_PROXIES='$bad' ends";
        is $site->{status} >> 8, 1, "the exit status is 1 for '$bad'";
        like $site->output, qr/VS_TRUSTED_PROXIES is "\Q$bad\E"; allowed: addresses such as/, "the output explains what is wrong with '$bad'";
        $site->remove;
    }
};

done_testing;
