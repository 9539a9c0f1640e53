# Cross-site requests: pages of other sites are rejected (CSRF) unless VS_CORS_ORIGINS lists their origin
# (CORS); the attributes of cookies; the caching headers of responses.

use v5.36;

use FindBin;

use lib "$FindBin::Bin/lib";
use Site;

my $FRIEND  = 'https://friend.example';
my $OTHER   = 'http://other.example:8443';
my @CORS    = qw(Access-Control-Allow-Origin Access-Control-Allow-Credentials Access-Control-Expose-Headers
    Access-Control-Allow-Methods Access-Control-Allow-Headers Access-Control-Max-Age);

my $own  = Site->start;
my $site = Site->start(VS_CORS_ORIGINS => "$FRIEND, $OTHER http://[2001:db8::1]:81");

sub cookies ($user) { return 'X-Session-Id=' . $user->session . '; X-User-Id=' . $user->id }

# A request by a page of this origin in the browser of a logged-in user.
sub by_page ($user, $method, $path, $origin, %options) {
    my %headers = (Cookie => cookies($user), defined $origin ? (Origin => $origin) : (), %{delete $options{headers} // {}});
    return $user->site->request($method, $path, headers => \%headers, %options);
}

sub preflight ($on, $origin, $path, $method, @headers) {
    return $on->request('OPTIONS', $path, headers => {
        Origin => $origin, 'Access-Control-Request-Method' => $method,
        @headers ? ('Access-Control-Request-Headers' => join ',', @headers) : (),
    });
}

sub has_no_cors_headers ($response, $name) {
    my @found = grep { defined $response->header($_) } @CORS;
    is_deeply \@found, [], $name;
    return;
}

$_->expect_log(qr/client intended to send too large body/) for $own, $site;

# The response has the headers with which a browser lets the page read it.
sub is_readable_by ($response, $origin, $name) {
    return $response->header_is('Access-Control-Allow-Origin', $origin, $name)
        ->header_is('Access-Control-Allow-Credentials', 'true')
        ->header_like('Vary', qr/\bOrigin\b/);
}

subtest 'a request with cookies that changes something is accepted only from the own origin (CSRF)' => sub {
    my $ann = $own->user('ann');
    my $vid = $ann->post('/api/videos', {title => 'Bunny'})->is(201)->json->{id};
    my $host = 'localhost:' . $own->port;
    my @cases = (
        ['a page of the site',                   "http://$host",              {},                                 201],
        ['a page of the site over TLS',          "https://$host",             {},                                 201],
        ['a client that is not a browser',       undef,                       {},                                 201],
        ['Sec-Fetch-Site: same-origin',          undef,                       {'Sec-Fetch-Site' => 'same-origin'}, 201],
        ['Sec-Fetch-Site: none (a typed URL)',   undef,                       {'Sec-Fetch-Site' => 'none'},       201],
        ['a page of another site',               'http://evil.example',       {},                                 403],
        ['a page on another port',               'http://localhost:1',        {},                                 403],
        ['a page of a host with the same start', "http://$host.evil.example", {},                                 403],
        ['a page in a sandbox (origin null)',    'null',                      {},                                 403],
        ['Sec-Fetch-Site: cross-site',           undef,                       {'Sec-Fetch-Site' => 'cross-site'}, 403],
        ['a forged origin',                      "http://$host",              {'Sec-Fetch-Site' => 'cross-site'}, 403],
    );
    for my $case (@cases) {
        my ($name, $origin, $headers, $status) = @$case;
        by_page($ann, 'POST', '/api/videos', $origin, headers => $headers, json => {title => $name})->is($status, "$name returns $status");
    }
    for my $case (['DELETE', "/api/videos/$vid"], ['POST', "/api/videos/$vid/comments"], ['DELETE', '/api/sessions'],
        ['POST', "/stream/videos/$vid"]) {
        by_page($ann, @$case, 'http://evil.example', body => '{"content": "x"}')->is(403, "@$case by a page of another site returns 403")->problem('006');
    }
    my %rejected = map { $_->[0] => 1 } grep { $_->[3] == 403 } @cases;
    is_deeply [map { $_->{title} } grep { $rejected{$_->{title}} } @{$own->get('/api/videos')->json}],
        [], 'the rejected requests have created no video';
    $own->get("/api/videos/$vid")->is(200, 'the rejected requests have not deleted the video');
    by_page($ann, 'GET', '/api/sessions', 'http://evil.example')->is(200, 'a GET request by a page of another site is answered')->header_is('Cache-Control', 'no-store');
    $ann->post('/api/videos', {title => 'By header'}, headers => {Origin => 'http://evil.example', 'X-Session-Id' => $ann->session})
        ->is(201, 'a session in a header is accepted, since no page of another site can send the header');
};

subtest 'a page of another site cannot log its visitor in (login CSRF)' => sub {
    my %login = (user_name => 'ann', pwd => Site::Actor::PASSWORD);
    for my $case (
        [$own,  {Origin => 'http://evil.example'}, 403],
        [$own,  {'Sec-Fetch-Site' => 'cross-site'}, 403],
        [$own,  {Origin => 'http://localhost:' . $own->port, 'Sec-Fetch-Site' => 'same-origin'}, 200],
        [$own,  {}, 200],
        [$site, {Origin => 'http://evil.example'}, 403],
        [$site, {Origin => $FRIEND, 'Sec-Fetch-Site' => 'cross-site'}, 200],
    ) {
        my ($on, $headers, $status) = @$case;
        $on->user('ann') if $on == $site;
        my $name = 'a login with ' . (join(' ', %$headers) || 'no origin');
        my $answer = $on->post('/api/sessions', \%login, headers => $headers)->is($status, "$name returns $status");
        is scalar(grep { lc $_->[0] eq 'set-cookie' } @{$answer->{headers}}), $status == 200 ? 2 : 0, "$name sets " . ($status == 200 ? 'both cookies' : 'no cookie');
    }
    $own->post('/api/users', {user_name => 'eve', pwd => $login{pwd}}, headers => {Origin => 'http://evil.example'})
        ->is(403, 'a registration by a page of another site returns 403')->problem('006');
};

subtest 'without VS_CORS_ORIGINS no response has CORS headers' => sub {
    my $ann = $own->user('ann');
    for my $response (
        $own->get('/api/videos', headers => {Origin => $FRIEND}), $own->get('/', headers => {Origin => $FRIEND}),
        $own->get('/api/videos/999', headers => {Origin => 'null'}), by_page($ann, 'GET', '/api/sessions', 'http://localhost'),
        preflight($own, $FRIEND, '/api/videos', 'POST', 'content-type'), $own->get('/stream/videos/1', headers => {Origin => '*'}),
    ) {
        has_no_cors_headers($response, "$response->{request} returns no CORS headers");
        unlike $response->header('Vary') // '', qr/Origin/, "$response->{request} returns no Vary: Origin";
    }
};

subtest 'a page of a listed origin may write and read' => sub {
    my $ann = $site->user('ann');
    for my $origin ($FRIEND, $OTHER, 'http://[2001:db8::1]:81') {
        my $answer = by_page($ann, 'POST', '/api/videos', $origin, headers => {'Sec-Fetch-Site' => 'cross-site'}, json => {title => $origin})
            ->is(201, "a POST by $origin is accepted");
        is_readable_by($answer, $origin, "$origin may read the response");
        my %exposed = map { $_ => 1 } split /, /, $answer->header('Access-Control-Expose-Headers');
        ok $exposed{$_}, "$origin may read the header $_" for qw(Link ETag Location Retry-After X-Request-Id);
        is scalar(my @origins = $answer->header('Access-Control-Allow-Origin')), 1, 'Access-Control-Allow-Origin is sent once';
    }
    my $vid = $site->get('/api/videos')->json->[0]{id};
    by_page($ann, 'POST', "/stream/videos/$vid", $FRIEND, file => Site::Media::path($site->folder, 'bunny.mp4'))->is(201);
    my %from = (headers => {Origin => $FRIEND});
    is_readable_by($site->get("/stream/videos/$vid", %from)->is(200), $FRIEND, 'a listed origin may read a video');
    is_readable_by($site->get("/stream/videos/$vid", headers => {Origin => $FRIEND, Range => 'bytes=0-1'})->is(206), $FRIEND, 'a listed origin may read a range of a video');
    is_readable_by($site->get('/api/videos/x', %from)->is(400), $FRIEND, 'a listed origin may read an error of the API');
    is_readable_by($site->get('/nothing', %from)->is(404), $FRIEND, 'a listed origin may read an error of nginx');
    is_readable_by($site->upload($vid, 'bunny.mp4', %from)->is(401), $FRIEND, 'a listed origin may read the rejection of an upload');
    is_readable_by($site->post('/api/videos', 'x' x 2_000_000, %from)->is(413), $FRIEND, 'a listed origin may read the 413 of nginx');
};

subtest 'a page of an origin that is not listed gets no CORS headers and may not write' => sub {
    my $ann = $site->user('ann');
    for my $origin (
        'https://friend.example:443', 'http://friend.example', 'https://FRIEND.example', 'https://friend.example.evil.example',
        'https://evil.friend.example', 'https://friendXexample', 'https://friend.example/', "$FRIEND, $OTHER", "$FRIEND $OTHER",
        'null', '*', 'https://', 'http://other.example', '.*', 'x"y$z',
    ) {
        my $answer = by_page($ann, 'GET', '/api/videos', $origin)->is(200);
        has_no_cors_headers($answer, "the origin '$origin' gets no CORS headers");
        $answer->header_like('Vary', qr/\bOrigin\b/, "the response to the origin '$origin' has Vary: Origin, for caches");
        by_page($ann, 'POST', '/api/videos', $origin, json => {title => 'x'})->is(403, "a POST by the origin '$origin' returns 403");
        has_no_cors_headers(preflight($site, $origin, '/api/videos', 'POST'), "a preflight request by the origin '$origin' gets no CORS headers");
    }
    $site->get('/api/videos')->is(200)->header_like('Vary', qr/\bOrigin\b/, 'a response to a request without an origin has Vary: Origin, too');
};

subtest 'preflight requests return the allowed methods and headers' => sub {
    for my $case (
        ['/api/videos',      'POST',   qr/^(?=.*\bPOST\b)(?=.*\bGET\b)(?!.*\*)/],
        ['/api/videos/1',    'DELETE', qr/\bDELETE\b/],
        ['/api/sessions',    'DELETE', qr/\bDELETE\b/],
        ['/stream/videos/1', 'POST', qr/\bPOST\b/],
    ) {
        my ($path, $method, $allowed) = @$case;
        my $answer = preflight($site, $FRIEND, $path, $method, 'content-type', 'x-session-id')->is(204);
        is_readable_by($answer, $FRIEND, "a preflight request for $method $path is allowed")->header_like('Access-Control-Allow-Methods', $allowed)
            ->header_like('Access-Control-Max-Age', qr/^\d+$/);
        my %allowed = map { lc $_ => 1 } split /, /, $answer->header('Access-Control-Allow-Headers');
        ok $allowed{lc $_}, "$method $path: the header $_ is allowed" for qw(Authorization Content-Type Idempotency-Key If-Match If-None-Match X-Session-Id);
    }
    my $unknown = preflight($site, $FRIEND, '/api/nothing', 'POST')->is(404);
    is $unknown->header('Access-Control-Allow-Methods'), undef, 'a preflight request for an unknown path allows no method';
    my $plain = $site->request('OPTIONS', '/api/videos', headers => {Origin => $FRIEND})->is(204);
    is $plain->header($_), undef, "OPTIONS that is not a preflight request returns no $_" for @CORS[3 .. 5];
};

subtest 'a site with an invalid VS_CORS_ORIGINS does not start' => sub {
    for my $bad ('*', 'null', 'friend.example', "$FRIEND/", "$FRIEND, *", 'https://*.example', 'https://a.example:443') {
        my $site = Site->new(VS_CORS_ORIGINS => $bad);
        $site->run;
        ok $site->await_end, "a site with VS_CORS_ORIGINS='$bad' ends";
        is $site->{status} >> 8, 1, "the exit status is 1 for '$bad'";
        like $site->output, qr/VS_CORS_ORIGINS is "\Q$bad\E"; allowed: origins such as/, "the output explains what is wrong with '$bad'";
        $site->remove;
    }
};

subtest 'a login sets two cookies, a logout clears them' => sub {
    my %ann = (user_name => 'ann', pwd => $own->PASSWORD);
    $own->user('ann');
    my @cookies = $own->post('/api/sessions', \%ann)->is(200)->header('Set-Cookie');
    my ($session, $user) = map { my $name = $_; grep { /^$name=/ } @cookies } qw(X-Session-Id X-User-Id);
    is scalar @cookies, 2, 'a login sets two cookies';
    like $session, qr/^X-Session-Id=[\w-]{43}; Path=\/; Max-Age=\d+; SameSite=Lax; HttpOnly$/, 'the session cookie is HttpOnly';
    like $user, qr/^X-User-Id=\d+; Path=\/; Max-Age=\d+; SameSite=Lax$/, 'the cookie of the user id can be read by scripts';
    my $ann = $own->user('ann');
    my @cleared = $ann->delete('/api/sessions')->is(205)->header('Set-Cookie');
    like $_, qr/^X-[\w-]+=; Path=\/; Max-Age=0;/, 'a logout clears the cookie' for @cleared;
    is scalar @cleared, 2, 'a logout clears both cookies';
};

subtest 'Cache-Control: public responses must be revalidated, all others are not stored' => sub {
    my $ann = $own->user('ann');
    my $vid = $ann->post('/api/videos', {title => 'Kept'})->is(201)->header_is('Cache-Control', 'no-store')->json->{id};
    $ann->upload($vid, 'bunny.mp4')->is(201)->header_is('Cache-Control', 'no-store');
    my $uid = $ann->id;
    for my $path ("/api/videos", "/api/videos/$vid", "/api/users/$uid", "/api/users/$uid/videos", "/api/videos/$vid/comments",
        "/stream/videos/$vid") {
        $own->get($path)->is(200)->header_is('Cache-Control', 'no-cache', "$path may be cached but must be revalidated")->header_is('X-Content-Type-Options', 'nosniff');
        $own->head($path)->is(200)->header_is('Cache-Control', 'no-cache');
    }
    my $etag = $own->get("/stream/videos/$vid")->header('ETag');
    $own->get("/stream/videos/$vid", headers => {Range => 'bytes=0-1'})->is(206)->header_is('Cache-Control', 'no-cache');
    $own->get("/stream/videos/$vid", headers => {'If-None-Match' => $etag})->is(304)->header_is('Cache-Control', 'no-cache');
    for my $response (
        $ann->get('/api/sessions')->is(200), $own->post('/api/sessions', {user_name => 'ann', pwd => 'wrong wrong'})->is(401),
        $own->post('/api/users', {user_name => 'bea', pwd => 'correct horse'})->is(201), $own->get('/api/videos/999')->is(404),
        $own->get('/api/nothing')->is(404), $own->get('/nothing')->is(404), $own->get('/-media/x')->is(404),
        $own->upload($vid, 'bunny.mp4')->is(401), $ann->post("/stream/videos/$vid", 'not a video')->is(415),
        $own->request('OPTIONS', '/api/videos')->is(204), $own->post('/api/videos', 'x' x 2_000_000)->is(413),
        $ann->delete("/api/videos/$vid")->is(204),
    ) {
        $response->header_is('Cache-Control', 'no-store', "$response->{request} ($response->{status}) must not be stored")
            ->header_is('X-Content-Type-Options', 'nosniff');
        is scalar(my @all = $response->header('Cache-Control')), 1, 'Cache-Control is sent once';
    }
};

done_testing;
