# Behind a proxy: whose address counts, what TLS means for cookies, and what stays for this machine alone.

use v5.36;

use FindBin;

use lib "$FindBin::Bin/lib";
use Bucket;
use Site;

use constant CLIENT => '203.0.113.9';

# The test's requests come from 127.0.0.1, as if by a proxy on this machine, or from 127.0.0.2 and .3, as if by
# others.
my $site = Site->start(VS_TRUSTED_PROXIES => '127.0.0.1, 127.0.0.3/32 10.0.0.0/8,fd00::/8', VS_STREAM_TOKENS_PER_CLIENT => 1);
my $ann = $site->user('ann');
my $vid = $ann->post('/api/videos', {title => 'Bunny'})->is(201)->json->{id};
$ann->upload($vid, 'bunny.mp4')->is(201);

# A viewer who reads nothing and so keeps a token.
my $large = $ann->post('/api/videos', {title => 'Large'})->is(201)->json->{id};
$ann->upload($large, Site::Media::path($site->folder, 'large.mp4', 20_000_000))->is(201);
my $bucket = Bucket->new($site);

sub viewer ($forwarded, %options) {
    $site->soon(sub { $bucket->in_use == 0 }, 'nobody watches');
    my $viewer = $site->open('GET', "/stream/videos/$large", buffer => 4096,
        headers => {defined $forwarded ? ('X-Forwarded-For' => $forwarded) : ()}, %options);
    $site->soon(sub { $bucket->in_use == 1 }, 'somebody does');
    return $viewer;
}

# What one who comes like that gets while somebody watches.
sub status ($forwarded, %options) {
    return $site->get("/stream/videos/$vid", headers => {defined $forwarded ? ('X-Forwarded-For' => $forwarded) : ()}, %options)->status;
}

subtest 'whose address counts' => sub {
    my $viewer = viewer(CLIENT);
    is status(CLIENT), 429, 'a client behind the proxy has its one token';
    is status('203.0.113.10'), 200, 'another client behind it has another';
    is status(undef), 200, 'and so has the proxy itself';
    is status('1.2.3.4, ' . CLIENT), 429, 'what the client said before it came to the proxy does not count';
    is status(CLIENT . ', 203.0.113.10'), 200, 'nor does that make it another';
    is status(CLIENT . ', 10.1.2.3'), 429, 'two proxies in a row: the one before them counts';
    is status(CLIENT . ', fd00::7, 10.1.2.3'), 429, 'or three';
    is status(CLIENT, from => '127.0.0.3'), 429, 'by another trusted proxy it is the same client';
    is status(CLIENT, from => '127.0.0.2'), 200, 'who is no trusted proxy can claim nothing';
    $viewer->close;
    $site->soon(sub { status(CLIENT) == 200 }, 'when it has gone, its token is there again');

    $viewer = viewer(CLIENT, from => '127.0.0.2');
    is status(undef, from => '127.0.0.2'), 429, 'one who is no proxy counts by its own address';
    is status('198.51.100.1', from => '127.0.0.2'), 429, 'whatever it claims';
    is status(CLIENT), 200, 'and takes nothing from whom it names';
    $viewer->close;
};

sub cookies (%how) {
    my %body = (user_name => 'ann', pwd => $site->PASSWORD);
    return $site->post('/api/sessions', \%body, %how)->is(200)->header('Set-Cookie');
}

subtest 'TLS' => sub {
    for my $case (
        ['https',       '127.0.0.1', 1, 'TLS ended at the proxy'],
        ['HTTPS',       '127.0.0.1', 1, 'in capitals'],
        ['http',        '127.0.0.1', 0, 'none at the proxy'],
        [undef,         '127.0.0.1', 0, 'it says nothing'],
        ['http, https', '127.0.0.1', 0, 'it says too much'],
        ['https',       '127.0.0.2', 0, 'who is no proxy says so'],
        ['https',       '127.0.0.3', 1, 'the other proxy does'],
    ) {
        my ($proto, $from, $secure, $name) = @$case;
        my @cookies = cookies(from => $from, headers => {defined $proto ? ('X-Forwarded-Proto' => $proto) : ()});
        is scalar(grep { /; Secure(?:;|$)/ } @cookies), $secure ? 2 : 0, "$name: cookies " . ($secure ? 'are' : 'are not') . ' Secure';
    }
    my %tls = (headers => {'X-Forwarded-Proto' => 'https', 'X-Session-Id' => $site->user('ann')->session});
    is scalar(grep { /; Secure/ } $site->delete('/api/sessions', %tls)->is(205)->header('Set-Cookie')), 2, 'cleared as they were set';
    my $user = $site->user('ann');
    $user->post('/api/videos', {title => 'x'}, headers => {'X-Forwarded-Proto' => 'https', 'X-Session-Id' => undef,
        Cookie => 'X-Session-Id=' . $user->session, Origin => 'https://localhost:' . $site->port})->is(201, 'its own page over TLS may write');
};

subtest 'this machine alone' => sub {
    my @local = (['GET', '/metrics'], ['DELETE', '/scheduler/videos/999']);
    for my $request (@local) {
        my ($method, $path) = @$request;
        $site->request($method, $path)->is(200, "$method $path from this machine");
        for my $case (
            [{'X-Forwarded-For' => CLIENT}, '127.0.0.1', 'somebody elsewhere, by the proxy on this machine'],
            [{'X-Forwarded-For' => '127.0.0.1'}, '127.0.0.1', 'who claims to be this machine'],
            [{'X-Forwarded-For' => '::1'}, '127.0.0.1', 'in IPv6'],
            [{'X-Forwarded-For' => '127.0.0.1'}, '127.0.0.3', 'by another trusted proxy'],
            [{'X-Forwarded-For' => '127.0.0.1, 10.0.0.1'}, '127.0.0.1', 'by several'],
            [{'Forwarded' => 'for=127.0.0.1'}, '127.0.0.1', 'a proxy that speaks RFC 7239'],
            [{'Via' => '1.1 proxy'}, '127.0.0.1', 'or says only that it is one'],
            [{}, '127.0.0.3', 'a trusted proxy itself'],
            [{}, '127.0.0.2', 'another address'],
        ) {
            my ($headers, $from, $name) = @$case;
            $site->request($method, $path, headers => $headers, from => $from)->is(403, $name)->problem('006');
        }
    }
};

# A proxy of which the site knows nothing.
subtest 'no proxy is trusted' => sub {
    my $plain = Site->start;
    $plain->user('bob');
    my %forged = (headers => {'X-Forwarded-For' => CLIENT, 'X-Forwarded-Proto' => 'https'});
    my @cookies = $plain->post('/api/sessions', {user_name => 'bob', pwd => $plain->PASSWORD}, %forged)->is(200)->header('Set-Cookie');
    is scalar(grep { /Secure/ } @cookies), 0, 'anybody can say that it is TLS';
    $plain->get('/metrics')->is(200);
    $plain->get('/metrics', %forged)->is(403, 'who comes by a proxy is not of this machine all the same');
    $plain->stop;
};

subtest 'lists that are none' => sub {
    for my $bad ('proxy.example', '10.0.0.1/8', '127.0.0.1; 127.0.0.2', '::1/129', 'unix:') {
        my $site = Site->new(VS_TRUSTED_PROXIES => $bad);
        $site->run;
        ok $site->await_end, "a site that trusts '$bad'";
        is $site->{status} >> 8, 1, 'does not start';
        like $site->output, qr/VS_TRUSTED_PROXIES is "\Q$bad\E"; allowed: addresses such as/, 'and says why';
        $site->remove;
    }
};

done_testing;
