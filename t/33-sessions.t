# Who one is: sessions, the cookies and headers they come in, and what another site's page may do.

use v5.36;

use FindBin;

use lib "$FindBin::Bin/lib";
use Site;

use constant {
    NOBODYS_ID => 9_223_372_036_854_775_807,
    HOUR       => 3_600,
    DAY        => 86_400,
};

my $site = Site->start(VS_API_PROCESSES => 2, VS_API_THREADS => 4, VS_SESSION_TTL => '1h', VS_SESSION_MAX => '1d', VS_DATABASE_TIMEOUT_MS => 10_000);
my $host = 'localhost:' . $site->port;
my $ann  = $site->user('ann');
my $bob  = $site->user('bob');

sub credentials ($name) { return {user_name => $name, pwd => Site::Actor::PASSWORD} }

# Another session of a user.
sub log_in ($name) { return $site->post('/api/sessions', credentials($name))->is(200)->json->{session_id} }

# {name => {value, attributes}} of the cookies that are set.
sub cookies (@set_cookie) {
    my %cookies;
    for my $cookie (@set_cookie) {
        my ($pair, @attributes) = split /;\s*/, $cookie;
        my ($name, $value) = split /=/, $pair, 2;
        $cookies{$name} = {value => $value, attributes => [sort @attributes]};
    }
    return \%cookies;
}

# Whose session it is that the request's headers carry: the id of the author of a video that they add.
sub who (%headers) {
    my $response = $site->post('/api/videos', {title => 'Mine'}, headers => \%headers);
    return $response->status == 401 ? 0 : $response->is(201)->json->{author_id};
}

subtest 'cookies' => sub {
    my $login = $site->post('/api/sessions', credentials('ann'))->is(200);
    my $token = $login->json->{session_id};
    my @common = ('Path=/', 'SameSite=Lax');
    is_deeply cookies($login->header('Set-Cookie')), {
        'X-Session-Id' => {value => $token,   attributes => [sort @common, 'HttpOnly', 'Max-Age=' . DAY]},
        'X-User-Id'    => {value => $ann->id, attributes => [sort @common, 'Max-Age=' . DAY]},
    }, 'logging in sets both, one of them for scripts, too';
    is who(Cookie => "X-Session-Id=$token; X-User-Id=" . $ann->id), $ann->id, 'they are a session';

    my $logout = $site->delete('/api/sessions', headers => {Cookie => "X-Session-Id=$token"})->is(205)->body_is('');
    is_deeply cookies($logout->header('Set-Cookie')), {
        'X-Session-Id' => {value => '', attributes => [sort @common, 'HttpOnly', 'Max-Age=0']},
        'X-User-Id'    => {value => '', attributes => [sort @common, 'Max-Age=0']},
    }, 'logging out clears both';
    $site->delete('/api/sessions', headers => {Cookie => "X-Session-Id=$token"})->is(401)->problem('003')
        ->header_is('Set-Cookie', undef, 'a failure sets none');
    $site->post('/api/sessions', {user_name => 'ann', pwd => 'incorrect'})->is(401)
        ->header_is('Set-Cookie', undef, 'nor does a failed login');
};

subtest 'over TLS' => sub {
    for my $case (['on', 1], ['', 0], ['off', 0]) {
        my ($https, $wanted) = @$case;
        my %common = (HTTPS => $https);
        my $login = $site->fastcgi('login')->request(
            {%common, REQUEST_METHOD => 'POST', REQUEST_URI => '/api/sessions'},
            body => JSON::PP->new->encode(credentials('ann')),
        );
        is $login->{status}, 200, "HTTPS='$https'";
        my $token = JSON::PP->new->decode($login->{body})->{session_id};
        my $logout = $site->fastcgi('api')->request(
            {%common, REQUEST_METHOD => 'DELETE', REQUEST_URI => '/api/sessions', HTTP_X_SESSION_ID => $token});
        is $logout->{status}, 205, 'logged out';
        for my $answer ($login, $logout) {
            my $cookies = cookies($answer->{head} =~ /^Set-Cookie: (.*?)\r?$/mg);
            my @secure = grep { grep { $_ eq 'Secure' } @{$cookies->{$_}{attributes}} } sort keys %$cookies;
            is_deeply \@secure, [$wanted ? ('X-Session-Id', 'X-User-Id') : ()], 'secure cookies';
        }
    }
};

subtest 'where a session comes from' => sub {
    my ($a, $b, $aid, $bid) = ($ann->session, $bob->session, $ann->id, $bob->id);
    my $other = substr($a, 0, 42) . ($a =~ /A$/ ? 'Q' : 'A');
    my $hash = $site->sql("SELECT encode(token_hash, 'hex') FROM sessions LIMIT 1");
    for my $case (
        # name, headers, whose
        ['nothing', {}, 0],
        ['the cookie',              {Cookie => "X-Session-Id=$a"}, $aid],
        ['the header',              {'X-Session-Id' => $a}, $aid],
        ['a bearer',                {Authorization => "Bearer $a"}, $aid],
        ['a bearer in small print', {Authorization => "bearer $a"}, $aid],
        ['a cookie among others',   {Cookie => "theme=dark; X-Session-Id=$a; lang=en"}, $aid],
        ['the header before the cookie',          {'X-Session-Id' => $a, Cookie => "X-Session-Id=$b"}, $aid],
        ['a bearer before the cookie',            {Authorization => "Bearer $a", Cookie => "X-Session-Id=$b"}, $aid],
        ['the header before a bearer',            {'X-Session-Id' => $a, Authorization => "Bearer $b"}, $aid],
        ['a wrong header, not the cookie',        {'X-Session-Id' => $other, Cookie => "X-Session-Id=$a"}, 0],
        ['the cookie beside another scheme',      {Authorization => 'Basic YW5uOmFubg==', Cookie => "X-Session-Id=$a"}, $aid],
        ['another scheme',                        {Authorization => "Basic $a"}, 0],
        ['a token without a scheme',              {Authorization => $a}, 0],
        ['a cookie of the right user',            {Cookie => "X-Session-Id=$a; X-User-Id=$aid"}, $aid],
        ['a cookie of the right user first',      {Cookie => "X-User-Id=$aid; X-Session-Id=$a"}, $aid],
        ['a cookie of another user',              {Cookie => "X-Session-Id=$a; X-User-Id=$bid"}, 0],
        ['a cookie of another user and a header', {'X-Session-Id' => $a, Cookie => "X-User-Id=$bid"}, 0],
        ['a cookie of another user and a bearer', {Authorization => "Bearer $a", Cookie => "X-User-Id=$bid"}, 0],
        ['a cookie of nobody',                    {Cookie => "X-Session-Id=$a; X-User-Id=ann"}, 0],
        ['a cookie of the user 0',                {Cookie => "X-Session-Id=$a; X-User-Id=0"}, 0],
        ['a cookie of the right user in other digits', {Cookie => "X-Session-Id=$a; X-User-Id=0$aid"}, 0],
        ['a cookie that was cleared',             {Cookie => "X-Session-Id=$a; X-User-Id="}, $aid],
        ['the user alone',                        {Cookie => "X-User-Id=$aid"}, 0],
        ['the user in a header',                  {'X-User-Id' => $aid}, 0],
        ['a cookie with another name',            {Cookie => "XX-Session-Id=$a"}, 0],
        ['a cookie with a longer name',           {Cookie => "X-Session-Id2=$a"}, 0],
        ['a cookie in small print',               {Cookie => "x-session-id=$a"}, 0],
        ['a token with another end',              {'X-Session-Id' => $other}, 0],
        ['a token that is too long',              {'X-Session-Id' => "${a}A"}, 0],
        ['a token that is too short',             {'X-Session-Id' => substr $a, 0, 42}, 0],
        ['a token in other letters',              {'X-Session-Id' => lc $a}, 0],
        ['an empty token',                        {'X-Session-Id' => '', Authorization => 'Bearer ', Cookie => 'X-Session-Id='}, 0],
        ['what the database has',                 {'X-Session-Id' => $hash}, 0],
        [q{SQL},                                  {'X-Session-Id' => q{' OR true --}}, 0],
    ) {
        my ($name, $headers, $wanted) = @$case;
        is who(%$headers), $wanted, $name;
    }
    $site->post("/api/videos?X-Session-Id=$a", {title => 'Bunny', session_id => $a})->is(401, 'not in the address or the body');
};

subtest 'the end of a session' => sub {
    my ($phone, $laptop) = map { log_in('ann') } 1 .. 2;
    $site->delete('/api/sessions', headers => {'X-Session-Id' => $phone})->is(205);
    is who('X-Session-Id' => $phone), 0, 'the one that was logged out is dead';
    is who('X-Session-Id' => $laptop), $ann->id, 'the other one is not';
    $site->upload(1, 'bunny.mp4', headers => {'X-Session-Id' => $phone})->is(401, 'and dead for uploads');

    $site->sql("UPDATE sessions SET expires_at = now() WHERE token_hash = sha256('$laptop')");
    is who('X-Session-Id' => $laptop), 0, 'an expired one is dead, too';
    $site->delete('/api/sessions', headers => {'X-Session-Id' => $laptop})->is(401, 'and cannot be logged out');

    my $stored = $site->sql('SELECT string_agg(s::text, chr(10)) FROM sessions s');
    unlike $stored, qr/\Q$_/, 'the database has no token' for $ann->session, $bob->session;
    is $site->sql("SELECT round(extract(epoch FROM max(expires_at - create_time))) FROM sessions"), HOUR, 'a session lasts as long as is set';
};

# One connection to each of the pool's threads, all of them kept: every worker knows the session.
subtest 'a session that has ended is dead in every worker at once' => sub {
    my $token = log_in('ann');
    my ($workers, $threads) = (2, 4);
    my %request = (REQUEST_METHOD => 'DELETE', REQUEST_URI => '/api/videos/' . NOBODYS_ID, HTTP_X_SESSION_ID => $token);
    my $lock = $site->transaction('LOCK TABLE sessions');
    my @connections;
    for my $n (1 .. $workers * $threads) {
        push @connections, my $connection = $site->fastcgi('api');
        my %params = (%request, CONTENT_LENGTH => '', REQUEST_ID => sprintf '%032x', $n);
        $connection->send(FastCGI::begin(1, 1), FastCGI::params(1, \%params), FastCGI::stdin(1, ''));
        $site->soon(sub { $site->waiting('video_api') == $n }, "$n threads wait");
    }
    $lock->commit;
    is $_->answer->{status}, 404, 'who is logged in learns that there is no such video' for @connections;
    my %workers = map { /pid=(\d+).*id=0{24}/ ? ($1 => 1) : () } $site->log_lines(qr/event=request/);
    is keys %workers, $workers, 'each worker has answered';

    $site->delete('/api/sessions', headers => {'X-Session-Id' => $token})->is(205);
    is $_->request(\%request, keep => 1)->{status}, 401, 'and then that there is no session' for @connections;
};

subtest 'what the page of another site may do' => sub {
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
    my $name = sub ($headers) { join(', ', map { "$_: $headers->{$_}" } sort keys %$headers) || 'no such header' };
    for my $operation (sort keys %unsafe) {
        $site->request(@{$unsafe{$operation}}, headers => {%$cookie, %$_})->is(403, "$operation, " . $name->($_))->problem('006')
            for @cross;
    }
    $site->get("/api/videos/$vid")->is(200, 'nothing has happened')->like(qr/"state":"created"/);
    for my $headers (@same) {
        is who(%$cookie, %$headers), $ann->id, 'not cross-site: ' . $name->($headers);
    }
    for my $headers (@cross) {
        is who('X-Session-Id' => $ann->session, %$headers), $ann->id, 'with the header: ' . $name->($headers);
        is who(Authorization => 'Bearer ' . $ann->session, %$headers), $ann->id, 'and with a bearer';
        $site->get('/api/videos', headers => {%$cookie, %$headers})->is(200, 'and reading');
    }
};

done_testing;
