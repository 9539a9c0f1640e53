# Other sites' pages: what they may not do, and what those that VS_CORS_ORIGINS lists may; cookies, and what
# may be kept of an answer.

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

# A request by a page of that origin in the browser of a user, who is logged in.
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

sub has_no_cors ($response, $name) {
    my @found = grep { defined $response->header($_) } @CORS;
    is_deeply \@found, [], $name;
    return;
}

$_->expect_log(qr/client intended to send too large body/) for $own, $site;

# What a browser on that page's behalf would let it see.
sub is_shared ($response, $origin, $name) {
    return $response->header_is('Access-Control-Allow-Origin', $origin, $name)
        ->header_is('Access-Control-Allow-Credentials', 'true')
        ->header_like('Vary', qr/\bOrigin\b/);
}

subtest 'who rides on a cookie' => sub {
    my $ann = $own->user('ann');
    my $vid = $ann->post('/api/videos', {title => 'Bunny'})->is(201)->json->{id};
    my $host = 'localhost:' . $own->port;
    for my $case (
        ['its own page',      "http://$host",     {},                                201],
        ['over TLS',          "https://$host",    {},                                201],
        ['no browser',        undef,              {},                                201],
        ['same-origin',       undef,              {'Sec-Fetch-Site' => 'same-origin'}, 201],
        ['typed in',          undef,              {'Sec-Fetch-Site' => 'none'},      201],
        ['another site',      'http://evil.example', {},                             403],
        ['another port',      'http://localhost:1', {},                              403],
        ['a name that begins so', "http://$host.evil.example", {},                   403],
        ['a sandbox',         'null',             {},                                403],
        ['no origin at all',  undef,              {'Sec-Fetch-Site' => 'cross-site'}, 403],
        ['one that it makes up', "http://$host",  {'Sec-Fetch-Site' => 'cross-site'}, 403],
    ) {
        my ($name, $origin, $headers, $status) = @$case;
        by_page($ann, 'POST', '/api/videos', $origin, headers => $headers, json => {title => $name})->is($status, "$name: $status");
    }
    for my $case (['DELETE', "/api/videos/$vid"], ['POST', "/api/videos/$vid/comments"], ['DELETE', '/api/sessions'],
        ['POST', "/stream/videos/$vid"]) {
        by_page($ann, @$case, 'http://evil.example', body => '{"content": "x"}')->is(403, "@$case")->problem('006');
    }
    is_deeply [map { $_->{title} } grep { $_->{title} =~ /another|sandbox|no origin|makes up|begins/ } @{$own->get('/api/videos')->json}],
        [], 'nothing was done';
    $own->get("/api/videos/$vid")->is(200, 'nor deleted');
    by_page($ann, 'GET', '/api/sessions', 'http://evil.example')->is(200, 'reading is answered')->header_is('Cache-Control', 'no-store');
    $ann->post('/api/videos', {title => 'By header'}, headers => {Origin => 'http://evil.example', 'X-Session-Id' => $ann->session})
        ->is(201, 'no page can send a header that it was not allowed to');
};

subtest 'who would be logged in as somebody else' => sub {
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
        my $name = join ' ', 'a page with', %$headers;
        my $answer = $on->post('/api/sessions', \%login, headers => $headers)->is($status, $name);
        is scalar(grep { lc $_->[0] eq 'set-cookie' } @{$answer->{headers}}), $status == 200 ? 2 : 0, 'gets the cookies, or none';
    }
    $own->post('/api/users', {user_name => 'eve', pwd => $login{pwd}}, headers => {Origin => 'http://evil.example'})
        ->is(403, 'nor may it register one')->problem('006');
};

subtest 'no origins are listed' => sub {
    my $ann = $own->user('ann');
    for my $response (
        $own->get('/api/videos', headers => {Origin => $FRIEND}), $own->get('/', headers => {Origin => $FRIEND}),
        $own->get('/api/videos/999', headers => {Origin => 'null'}), by_page($ann, 'GET', '/api/sessions', 'http://localhost'),
        preflight($own, $FRIEND, '/api/videos', 'POST', 'content-type'), $own->get('/stream/videos/1', headers => {Origin => '*'}),
    ) {
        has_no_cors($response, "$response->{request} says nothing of other origins");
        unlike $response->header('Vary') // '', qr/Origin/, 'and does not depend on them';
    }
};

subtest 'an origin that is listed' => sub {
    my $ann = $site->user('ann');
    for my $origin ($FRIEND, $OTHER, 'http://[2001:db8::1]:81') {
        my $answer = by_page($ann, 'POST', '/api/videos', $origin, headers => {'Sec-Fetch-Site' => 'cross-site'}, json => {title => $origin})
            ->is(201, "$origin may write");
        is_shared($answer, $origin, 'and see what became of it');
        my %exposed = map { $_ => 1 } split /, /, $answer->header('Access-Control-Expose-Headers');
        ok $exposed{$_}, "with $_" for qw(Link ETag Location Retry-After X-Request-Id);
        is scalar(my @origins = $answer->header('Access-Control-Allow-Origin')), 1, 'said once';
    }
    my $vid = $site->get('/api/videos')->json->[0]{id};
    by_page($ann, 'POST', "/stream/videos/$vid", $FRIEND, file => Site::Media::path($site->folder, 'bunny.mp4'))->is(201);
    my %from = (headers => {Origin => $FRIEND});
    is_shared($site->get("/stream/videos/$vid", %from)->is(200), $FRIEND, 'a film is shared');
    is_shared($site->get("/stream/videos/$vid", headers => {Origin => $FRIEND, Range => 'bytes=0-1'})->is(206), $FRIEND, 'a part of it');
    is_shared($site->get('/api/videos/x', %from)->is(400), $FRIEND, 'so is a failure');
    is_shared($site->get('/nothing', %from)->is(404), $FRIEND, 'and one that nginx tells of');
    is_shared($site->upload($vid, 'bunny.mp4', %from)->is(401), $FRIEND, 'and one of the gate');
    is_shared($site->post('/api/videos', 'x' x 2_000_000, %from)->is(413), $FRIEND, 'and one that nginx makes before anybody is asked');
};

subtest 'an origin that is not' => sub {
    my $ann = $site->user('ann');
    for my $origin (
        'https://friend.example:443', 'http://friend.example', 'https://FRIEND.example', 'https://friend.example.evil.example',
        'https://evil.friend.example', 'https://friendXexample', 'https://friend.example/', "$FRIEND, $OTHER", "$FRIEND $OTHER",
        'null', '*', 'https://', 'http://other.example', '.*', 'x"y$z',
    ) {
        my $answer = by_page($ann, 'GET', '/api/videos', $origin)->is(200);
        has_no_cors($answer, "'$origin' is told nothing");
        $answer->header_like('Vary', qr/\bOrigin\b/, 'as whoever keeps the answer must know');
        by_page($ann, 'POST', '/api/videos', $origin, json => {title => 'x'})->is(403, 'and may not write');
        has_no_cors(preflight($site, $origin, '/api/videos', 'POST'), 'nor ask to');
    }
    $site->get('/api/videos')->is(200)->header_like('Vary', qr/\bOrigin\b/, 'without an origin it is the same');
};

subtest 'what a browser asks before' => sub {
    for my $case (
        ['/api/videos',   'POST',   qr/^(?=.*\bPOST\b)(?=.*\bGET\b)(?!.*\*)/],
        ['/api/videos/1', 'DELETE', qr/\bDELETE\b/],
        ['/api/sessions', 'DELETE', qr/\bDELETE\b/],
        ['/stream/videos/1', 'POST', qr/\bPOST\b/],
    ) {
        my ($path, $method, $allowed) = @$case;
        my $answer = preflight($site, $FRIEND, $path, $method, 'content-type', 'x-session-id')->is(204);
        is_shared($answer, $FRIEND, "$method $path")->header_like('Access-Control-Allow-Methods', $allowed)
            ->header_like('Access-Control-Max-Age', qr/^\d+$/);
        my %allowed = map { lc $_ => 1 } split /, /, $answer->header('Access-Control-Allow-Headers');
        ok $allowed{lc $_}, "with $_" for qw(Authorization Content-Type Idempotency-Key If-Match If-None-Match X-Session-Id);
    }
    my $unknown = preflight($site, $FRIEND, '/api/nothing', 'POST')->is(404);
    is $unknown->header('Access-Control-Allow-Methods'), undef, 'where there is nothing, nothing is allowed';
    my $plain = $site->request('OPTIONS', '/api/videos', headers => {Origin => $FRIEND})->is(204);
    is $plain->header($_), undef, "OPTIONS that asks for no method gets no $_" for @CORS[3 .. 5];
};

subtest 'lists that are none' => sub {
    for my $bad ('*', 'null', 'friend.example', "$FRIEND/", "$FRIEND, *", 'https://*.example', 'https://a.example:443') {
        my $site = Site->new(VS_CORS_ORIGINS => $bad);
        $site->run;
        ok $site->await_end, "a site with the origins '$bad'";
        is $site->{status} >> 8, 1, 'does not start';
        like $site->output, qr/VS_CORS_ORIGINS is "\Q$bad\E"; allowed: origins such as/, 'and says why';
        $site->remove;
    }
};

subtest 'cookies' => sub {
    my %ann = (user_name => 'ann', pwd => $own->PASSWORD);
    $own->user('ann');
    my @cookies = $own->post('/api/sessions', \%ann)->is(200)->header('Set-Cookie');
    my ($session, $user) = map { my $name = $_; grep { /^$name=/ } @cookies } qw(X-Session-Id X-User-Id);
    is scalar @cookies, 2, 'there are two';
    like $session, qr/^X-Session-Id=[\w-]{43}; Path=\/; Max-Age=\d+; SameSite=Lax; HttpOnly$/, 'scripts cannot read that of the session';
    like $user, qr/^X-User-Id=\d+; Path=\/; Max-Age=\d+; SameSite=Lax$/, 'but may that of the user';
    my $ann = $own->user('ann');
    my @cleared = $ann->delete('/api/sessions')->is(205)->header('Set-Cookie');
    like $_, qr/^X-[\w-]+=; Path=\/; Max-Age=0;/, 'cleared' for @cleared;
    is scalar @cleared, 2, 'both';
};

subtest 'what may be kept' => sub {
    my $ann = $own->user('ann');
    my $vid = $ann->post('/api/videos', {title => 'Kept'})->is(201)->header_is('Cache-Control', 'no-store')->json->{id};
    $ann->upload($vid, 'bunny.mp4')->is(201)->header_is('Cache-Control', 'no-store');
    my $uid = $ann->id;
    for my $path ("/api/videos", "/api/videos/$vid", "/api/users/$uid", "/api/users/$uid/videos", "/api/videos/$vid/comments",
        "/stream/videos/$vid") {
        $own->get($path)->is(200)->header_is('Cache-Control', 'no-cache', "$path: if asked again")->header_is('X-Content-Type-Options', 'nosniff');
        $own->head($path)->is(200)->header_is('Cache-Control', 'no-cache');
    }
    my $etag = $own->get("/stream/videos/$vid")->header('ETag');
    $own->get("/stream/videos/$vid", headers => {Range => 'bytes=0-1'})->is(206)->header_is('Cache-Control', 'no-cache');
    $own->get("/stream/videos/$vid", headers => {'If-None-Match' => $etag})->is(304)->header_is('Cache-Control', 'no-cache');
    for my $response (
        $ann->get('/api/sessions')->is(200), $own->post('/api/sessions', {user_name => 'ann', pwd => 'wrong wrong'})->is(401),
        $own->post('/api/users', {user_name => 'bea', pwd => 'correct horse'})->is(201), $own->get('/api/videos/999')->is(404),
        $own->get('/api/nothing')->is(404), $own->get('/nothing')->is(404), $own->get('/-media/x')->is(404),
        $own->upload($vid, 'bunny.mp4')->is(401), $ann->post("/stream/videos/$vid", 'no film')->is(415),
        $own->request('OPTIONS', '/api/videos')->is(204), $own->post('/api/videos', 'x' x 2_000_000)->is(413),
        $ann->delete("/api/videos/$vid")->is(204),
    ) {
        $response->header_is('Cache-Control', 'no-store', "$response->{request}: $response->{status}, not at all")
            ->header_is('X-Content-Type-Options', 'nosniff');
        is scalar(my @all = $response->header('Cache-Control')), 1, 'said once';
    }
};

done_testing;
