# Sessions: the cookies and headers that carry them, how they end, and protection against requests from the
# pages of other sites.

use v5.36;

use FindBin;

use lib "$FindBin::Bin/lib";
use Site;

use constant {
    UNKNOWN_ID => 9_223_372_036_854_775_807,
    HOUR       => 3_600,
    DAY        => 86_400,
};

my $site = Site->start(VS_API_PROCESSES => 2, VS_API_THREADS => 4, VS_SESSION_TTL => '1h', VS_SESSION_MAX => '1d', VS_DATABASE_TIMEOUT_MS => 10_000);
my $host = 'localhost:' . $site->port;
my $ann  = $site->user('ann');
my $bob  = $site->user('bob');

sub credentials ($name) { return {user_name => $name, pwd => Site::Actor::PASSWORD} }

# Begins another session of the user, and returns its token.
sub log_in ($name) { return $site->post('/api/sessions', credentials($name))->is(200)->json->{session_id} }

# Set-Cookie headers as {name => {value, attributes}}.
sub cookies (@set_cookie) {
    my %cookies;
    for my $cookie (@set_cookie) {
        my ($pair, @attributes) = split /;\s*/, $cookie;
        my ($name, $value) = split /=/, $pair, 2;
        $cookies{$name} = {value => $value, attributes => [sort @attributes]};
    }
    return \%cookies;
}

# The id of the user as whom these headers authenticate a request, 0 when the request is rejected with 401.
sub user_of (%headers) {
    my $response = $site->post('/api/videos', {title => 'Mine'}, headers => \%headers);
    return $response->status == 401 ? 0 : $response->is(201)->json->{author_id};
}

subtest 'logging in sets cookies, logging out clears them' => sub {
    my $login = $site->post('/api/sessions', credentials('ann'))->is(200);
    my $token = $login->json->{session_id};
    my @common = ('Path=/', 'SameSite=Lax');
    is_deeply cookies($login->header('Set-Cookie')), {
        'X-Session-Id' => {value => $token,   attributes => [sort @common, 'HttpOnly', 'Max-Age=' . DAY]},
        'X-User-Id'    => {value => $ann->id, attributes => [sort @common, 'Max-Age=' . DAY]},
    }, 'logging in sets both cookies; scripts can read only the user id';
    is user_of(Cookie => "X-Session-Id=$token; X-User-Id=" . $ann->id), $ann->id, 'the cookies authenticate a request';

    my $logout = $site->delete('/api/sessions', headers => {Cookie => "X-Session-Id=$token"})->is(205)->body_is('');
    is_deeply cookies($logout->header('Set-Cookie')), {
        'X-Session-Id' => {value => '', attributes => [sort @common, 'HttpOnly', 'Max-Age=0']},
        'X-User-Id'    => {value => '', attributes => [sort @common, 'Max-Age=0']},
    }, 'logging out clears both cookies';
    $site->delete('/api/sessions', headers => {Cookie => "X-Session-Id=$token"})->is(401)->problem('003')
        ->header_is('Set-Cookie', undef, 'a failed log-out sets no cookie');
    $site->post('/api/sessions', {user_name => 'ann', pwd => 'incorrect'})->is(401)
        ->header_is('Set-Cookie', undef, 'a failed log-in sets no cookie');
};

subtest 'cookies are Secure exactly when the request came over HTTPS' => sub {
    for my $case (['on', 1], ['', 0], ['off', 0]) {
        my ($https, $wanted) = @$case;
        my %common = (HTTPS => $https);
        my $login = $site->fastcgi('login')->request(
            {%common, REQUEST_METHOD => 'POST', REQUEST_URI => '/api/sessions'},
            body => JSON::PP->new->encode(credentials('ann')),
        );
        is $login->{status}, 200, "HTTPS='$https': logging in succeeds";
        my $token = JSON::PP->new->decode($login->{body})->{session_id};
        my $logout = $site->fastcgi('api')->request(
            {%common, REQUEST_METHOD => 'DELETE', REQUEST_URI => '/api/sessions', HTTP_X_SESSION_ID => $token});
        is $logout->{status}, 205, "HTTPS='$https': logging out succeeds";
        for my $answer ($login, $logout) {
            my $cookies = cookies($answer->{head} =~ /^Set-Cookie: (.*?)\r?$/mg);
            my @secure = grep { grep { $_ eq 'Secure' } @{$cookies->{$_}{attributes}} } sort keys %$cookies;
            is_deeply \@secure, [$wanted ? ('X-Session-Id', 'X-User-Id') : ()],
                "HTTPS='$https': " . ($wanted ? 'both cookies are Secure' : 'no cookie is Secure');
        }
    }
};

subtest 'a session token is accepted from a cookie, X-Session-Id or Authorization: Bearer' => sub {
    my ($a, $b, $aid, $bid) = ($ann->session, $bob->session, $ann->id, $bob->id);
    my $other = substr($a, 0, 42) . ($a =~ /A$/ ? 'Q' : 'A');
    my $hash = $site->sql("SELECT encode(token_hash, 'hex') FROM sessions LIMIT 1");
    for my $case (
        # description, headers, id of the user (0: rejected)
        ['no token',                                               {}, 0],
        ['the cookie',                                             {Cookie => "X-Session-Id=$a"}, $aid],
        ['X-Session-Id',                                           {'X-Session-Id' => $a}, $aid],
        ['a bearer token',                                         {Authorization => "Bearer $a"}, $aid],
        ['a bearer token, lower-case scheme',                      {Authorization => "bearer $a"}, $aid],
        ['the cookie among others',                                {Cookie => "theme=dark; X-Session-Id=$a; lang=en"}, $aid],
        ['X-Session-Id takes precedence over the cookie',          {'X-Session-Id' => $a, Cookie => "X-Session-Id=$b"}, $aid],
        ['a bearer token takes precedence over the cookie',        {Authorization => "Bearer $a", Cookie => "X-Session-Id=$b"}, $aid],
        ['X-Session-Id takes precedence over a bearer token',      {'X-Session-Id' => $a, Authorization => "Bearer $b"}, $aid],
        ['a wrong X-Session-Id beside a valid cookie',             {'X-Session-Id' => $other, Cookie => "X-Session-Id=$a"}, 0],
        ['the cookie beside another Authorization scheme',         {Authorization => 'Basic YW5uOmFubg==', Cookie => "X-Session-Id=$a"}, $aid],
        ['another Authorization scheme',                           {Authorization => "Basic $a"}, 0],
        ['a token without a scheme',                               {Authorization => $a}, 0],
        ['the cookies of a user',                                  {Cookie => "X-Session-Id=$a; X-User-Id=$aid"}, $aid],
        ['the cookies of a user, id first',                        {Cookie => "X-User-Id=$aid; X-Session-Id=$a"}, $aid],
        [q{another user's X-User-Id cookie},                       {Cookie => "X-Session-Id=$a; X-User-Id=$bid"}, 0],
        [q{another user's X-User-Id cookie beside X-Session-Id},   {'X-Session-Id' => $a, Cookie => "X-User-Id=$bid"}, 0],
        [q{another user's X-User-Id cookie beside a bearer token}, {Authorization => "Bearer $a", Cookie => "X-User-Id=$bid"}, 0],
        ['an X-User-Id cookie that is not a number',               {Cookie => "X-Session-Id=$a; X-User-Id=ann"}, 0],
        ['the X-User-Id cookie 0',                                 {Cookie => "X-Session-Id=$a; X-User-Id=0"}, 0],
        ['an X-User-Id cookie with a leading zero',                {Cookie => "X-Session-Id=$a; X-User-Id=0$aid"}, 0],
        ['an empty X-User-Id cookie',                              {Cookie => "X-Session-Id=$a; X-User-Id="}, $aid],
        ['the X-User-Id cookie alone',                             {Cookie => "X-User-Id=$aid"}, 0],
        ['an X-User-Id header alone',                              {'X-User-Id' => $aid}, 0],
        ['a cookie with a similar name',                           {Cookie => "XX-Session-Id=$a"}, 0],
        ['a cookie with a longer name',                            {Cookie => "X-Session-Id2=$a"}, 0],
        ['a cookie name in lower case',                            {Cookie => "x-session-id=$a"}, 0],
        ['a token with another last character',                    {'X-Session-Id' => $other}, 0],
        ['a token that is too long',                               {'X-Session-Id' => "${a}A"}, 0],
        ['a token that is too short',                              {'X-Session-Id' => substr $a, 0, 42}, 0],
        ['a token in lower case',                                  {'X-Session-Id' => lc $a}, 0],
        ['empty tokens',                                           {'X-Session-Id' => '', Authorization => 'Bearer ', Cookie => 'X-Session-Id='}, 0],
        ['the stored hash of a token',                             {'X-Session-Id' => $hash}, 0],
        ['an SQL condition',                                       {'X-Session-Id' => q{' OR true --}}, 0],
    ) {
        my ($name, $headers, $wanted) = @$case;
        is user_of(%$headers), $wanted, "$name: " . ($wanted ? 'accepted' : 'rejected');
    }
    $site->post("/api/videos?X-Session-Id=$a", {title => 'Bunny', session_id => $a})
        ->is(401, 'a token in the query or the body is rejected');
};

subtest 'a session ends when its user logs out or when it expires' => sub {
    my ($phone, $laptop) = map { log_in('ann') } 1 .. 2;
    $site->delete('/api/sessions', headers => {'X-Session-Id' => $phone})->is(205);
    is user_of('X-Session-Id' => $phone), 0, 'a session that was logged out is rejected';
    is user_of('X-Session-Id' => $laptop), $ann->id, q{the user's other session stays valid};
    $site->upload(1, 'bunny.mp4', headers => {'X-Session-Id' => $phone})
        ->is(401, 'a session that was logged out is rejected for uploads');

    $site->sql("UPDATE sessions SET expires_at = now() WHERE token_hash = sha256('$laptop')");
    is user_of('X-Session-Id' => $laptop), 0, 'an expired session is rejected';
    $site->delete('/api/sessions', headers => {'X-Session-Id' => $laptop})
        ->is(401, 'an expired session cannot be logged out');

    my $stored = $site->sql('SELECT string_agg(s::text, chr(10)) FROM sessions s');
    unlike $stored, qr/\Q$_/, 'the database does not store session tokens' for $ann->session, $bob->session;
    is $site->sql("SELECT round(extract(epoch FROM max(expires_at - create_time))) FROM sessions"), HOUR,
        'a session lasts for VS_SESSION_TTL';
};

# There is one kept connection to each thread of the pool, so that every worker has seen the session.
subtest 'a session that has ended is rejected by every worker at once' => sub {
    my $token = log_in('ann');
    my ($workers, $threads) = (2, 4);
    my %request = (REQUEST_METHOD => 'DELETE', REQUEST_URI => '/api/videos/' . UNKNOWN_ID, HTTP_X_SESSION_ID => $token);
    my $lock = $site->transaction('LOCK TABLE sessions');
    my @connections;
    for my $n (1 .. $workers * $threads) {
        push @connections, my $connection = $site->fastcgi('api');
        my %params = (%request, CONTENT_LENGTH => '', REQUEST_ID => sprintf '%032x', $n);
        $connection->send(FastCGI::begin(1, 1), FastCGI::params(1, \%params), FastCGI::stdin(1, ''));
        $site->soon(sub { $site->waiting('video_api') == $n }, "$n threads wait for the lock");
    }
    $lock->commit;
    is $_->answer->{status}, 404, 'a thread accepts the session: 404, the video does not exist' for @connections;
    my %workers = map { /pid=(\d+).*id=0{24}/ ? ($1 => 1) : () } $site->log_lines(qr/event=request/);
    is keys %workers, $workers, 'each worker has answered';

    $site->delete('/api/sessions', headers => {'X-Session-Id' => $token})->is(205);
    is $_->request(\%request, keep => 1)->{status}, 401,
        'a thread rejects the session after it has ended' for @connections;
};

subtest 'a page of another site cannot use the session cookie' => sub {
    my $cookie = {Cookie => 'X-Session-Id=' . $ann->session};
    my $vid = $ann->post('/api/videos', {title => 'Mine'})->json->{id};
    my @cross = (
        {'Sec-Fetch-Site' => 'cross-site'},
        {Origin => 'https://evil.example'},
        {Origin => 'null'},
        {Origin => 'http://localhost'},
        {Origin => "http://$host.evil.example"},
        {Origin => "http://evil.example/$host"},
        {Origin => $host},
        {Origin => "http://$host", 'Sec-Fetch-Site' => 'cross-site'},
        {Origin => 'https://evil.example', 'Sec-Fetch-Site' => 'same-origin'},
    );
    my @same = (
        {},
        {Origin => "http://$host"},
        {Origin => "https://$host"},
        {Origin => 'http://' . uc $host},
        {'Sec-Fetch-Site' => 'same-origin', Origin => "http://$host"},
        {'Sec-Fetch-Site' => 'same-site'},
        {'Sec-Fetch-Site' => 'none'},
    );
    my %unsafe = (
        'add a video'    => [POST   => '/api/videos', json => {title => 'Bunny'}],
        'delete a video' => [DELETE => "/api/videos/$vid"],
        'comment'        => [POST   => "/api/videos/$vid/comments", json => {content => 'Nice.'}],
        'log out'        => [DELETE => '/api/sessions'],
        'upload'         => [POST   => "/stream/videos/$vid", body => Site::Media::content('mp4')],
    );
    my $name = sub ($headers) { join(', ', map { "$_: $headers->{$_}" } sort keys %$headers) || 'neither header' };
    for my $operation (sort keys %unsafe) {
        $site->request(@{$unsafe{$operation}}, headers => {%$cookie, %$_})
            ->is(403, "$operation by the cookie is rejected, " . $name->($_))->problem('006')
            for @cross;
    }
    $site->get("/api/videos/$vid")->is(200, 'the rejected requests have changed nothing')->like(qr/"state":"created"/);
    for my $headers (@same) {
        is user_of(%$cookie, %$headers), $ann->id, 'the cookie is accepted, ' . $name->($headers);
    }
    for my $headers (@cross) {
        is user_of('X-Session-Id' => $ann->session, %$headers), $ann->id,
            'X-Session-Id is accepted, ' . $name->($headers);
        is user_of(Authorization => 'Bearer ' . $ann->session, %$headers), $ann->id,
            'a bearer token is accepted, ' . $name->($headers);
        $site->get('/api/videos', headers => {%$cookie, %$headers})
            ->is(200, 'reading is allowed, ' . $name->($headers));
    }
};

done_testing;
