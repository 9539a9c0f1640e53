# A user sees the own sessions and ends them; a session slides as it is used, and has an end all the same.

use v5.36;

use FindBin;

use lib "$FindBin::Bin/lib";
use Site;

use constant {
    HOUR    => 3600,
    DAY     => 86_400,
    NO_UUID => '00000000-0000-4000-8000-000000000000',
};

my $TIME = qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
my $UUID = qr/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

my $site = Site->start(VS_SESSION_TTL => '1h', VS_SESSION_MAX => '1d');
my $ann  = $site->user('ann');
my $bob  = $site->user('bob');

# Another session of the user, as if on another device.
sub again ($user) { return $site->user($user->name) }

sub sessions ($user, $query = '') { return $user->get("/api/sessions$query")->is(200)->json->{sessions} }
sub current  ($user) { return (grep { $_->{current} } @{sessions($user)})[0] }

# A column of the user's session, as text.
sub column ($user, $sql) {
    return scalar $site->sql("SELECT $sql FROM sessions WHERE token_hash = sha256('" . $user->session . q{')});
}

# Sets columns of it.
sub set ($user, $sql) {
    return $site->sql("UPDATE sessions SET $sql WHERE token_hash = sha256('" . $user->session . q{')});
}

subtest 'the list' => sub {
    my ($phone, $laptop) = map { again($ann) } 1 .. 2;
    my %session = (id => $UUID, create_time => $TIME, use_time => $TIME, expires_at => $TIME);
    my ($no, $yes) = (JSON::PP::false, JSON::PP::true);
    my $list = $phone->get('/api/sessions')->is(200)->header_is('Content-Type', 'application/json')->json_is({
        sessions => [{%session, current => $no}, {%session, current => $yes}, {%session, current => $no}],
    }, 'the newest first, and the one that asks is marked');
    my @sessions = @{$list->json->{sessions}};
    is current($laptop)->{id}, $sessions[0]{id}, 'the last one';
    is current($ann)->{id},    $sessions[2]{id}, 'and the first one';
    is @{sessions($bob)}, 1, 'nobody sees those of others';

    for my $user ($ann, $phone, $laptop) {
        my $id = column($user, q{replace(id::text, '-', '')});
        my $secrets = $user->session . column($user, q{encode(token_hash, 'hex')});
        unlike $secrets, qr/\Q$id/i, 'an id is not part of the token or its hash';
    }
    $list->like(qr/^(?!.*\Q$_\E)/, 'no token in the list') for map { $_->session } $ann, $phone, $laptop;

    my $page = $phone->get('/api/sessions?limit=2')->is(200);
    is_deeply [map { $_->{id} } @{$page->json->{sessions}}], [map { $_->{id} } @sessions[0, 1]], 'a page of them';
    my ($next) = $page->header('Link') =~ /^<(.+)>; rel="next"$/;
    my $last = $phone->get($next)->is(200)->header_is('Link', undef);
    is_deeply [map { $_->{id} } @{$last->json->{sessions}}], [$sessions[2]{id}], 'and the next one';

    set($laptop, 'expires_at = now()');
    is_deeply [map { $_->{id} } @{sessions($phone)}], [map { $_->{id} } @sessions[1, 2]], 'an expired one is not in it';
    $phone->delete("/api/sessions/$sessions[0]{id}")->is(404, 'and cannot be ended');
    $site->get('/api/sessions')->is(401)->problem('003');
};

subtest 'ending one' => sub {
    my ($phone, $laptop) = map { again($ann) } 1 .. 2;
    my ($pid, $lid) = map { current($_)->{id} } $phone, $laptop;
    my $vid = $ann->post('/api/videos', {title => 'Mine'})->is(201)->json->{id};

    $bob->delete("/api/sessions/$pid")->is(404, 'not that of another user')->problem('007');
    $site->delete("/api/sessions/$pid")->is(401, 'nor without a session')->problem('003');
    $laptop->delete("/api/sessions/$_")->is(400, 'nor by what is no id')->problem('001') for 1, "${pid}0", $laptop->session;
    $laptop->delete('/api/sessions/' . NO_UUID)->is(404, 'nor by an id of none')->problem('007');
    $phone->get('/api/sessions')->is(200, 'it still lives');

    $laptop->delete('/api/sessions/' . uc $pid)->is(204)->body_is('');
    $phone->get('/api/sessions')->is(401, 'it has ended');
    $phone->post('/api/videos', {title => 'Late'})->is(401, 'everywhere');
    $phone->upload($vid, 'bunny.mp4')->is(401, 'and for uploads');
    $laptop->delete("/api/sessions/$pid")->is(404, 'it ends only once');
    $laptop->delete("/api/sessions/$lid/")->is(204, 'even the one that asks');
    $laptop->get('/api/sessions')->is(401, 'is then no more');
    $ann->get('/api/sessions')->is(200, 'another one is');

    my $cookie = again($ann);
    my %cookie = (headers => {'X-Session-Id' => undef, Cookie => 'X-Session-Id=' . $cookie->session});
    my $path = '/api/sessions/' . current($ann)->{id};
    $cookie->delete($path, headers => {%{$cookie{headers}}, Origin => 'https://evil.example'})
        ->is(403, 'not for the page of another site');
    $ann->get('/api/sessions')->is(200);
    $cookie->delete($path, %cookie)->is(204, 'but by a cookie');
    $ann->get('/api/sessions')->is(401);
};

subtest 'a session slides' => sub {
    my $user = again($bob);
    my %use = (
        'the API'     => sub { $user->post('/api/videos', {title => 'Mine'})->is(201) },
        'the uploads' => sub { $user->upload(9_223_372_036_854_775_807, 'bunny.mp4')->is(404) },
    );
    my $left = 'round(extract(epoch FROM expires_at - now()) / 60)';
    for my $place (sort keys %use) {
        set($user, q{use_time = now() - interval '59 minutes', expires_at = now() + interval '1 minute'});
        $use{$place}->();
        is column($user, $left), 60, "each use of $place begins the time anew";
        is column($user, 'round(extract(epoch FROM now() - use_time) / 60)'), 0, 'and is noted';

        my $row = column($user, 'xmin || ctid::text || expires_at');
        $use{$place}->() for 1 .. 3;
        is column($user, 'xmin || ctid::text || expires_at'), $row, 'but not each within a minute';
    }
    set($user, q{use_time = now() - interval '2 minutes', expires_at = now() + interval '9 minutes', ends_at = now() + interval '10 minutes'});
    $use{'the API'}->();
    is column($user, $left), 10, 'it does not slide past its end';
    set($user, q{use_time = now() - interval '2 minutes', expires_at = now() - interval '1 second'});
    $user->get('/api/sessions')->is(401, 'what has expired is not used again');
    cmp_ok column($user, 'extract(epoch FROM now() - expires_at)'), '>', 0, 'and does not come back';
};

subtest 'how long it lasts' => sub {
    my $user = again($bob);
    $site->expect_log(qr/violates check constraint "sessions_check"/, qr/permission denied for table sessions/);
    is column($user, 'extract(epoch FROM expires_at - create_time)::int'), HOUR, 'as is set, without being used';
    is column($user, 'extract(epoch FROM ends_at - create_time)::int'), DAY, 'and at most';
    my ($rows, $error) = $site->sql_as('video_api', "UPDATE sessions SET expires_at = ends_at + interval '1 second'");
    like $error, qr/violates check constraint/, 'which nothing goes past';
    ($rows, $error) = $site->sql_as('video_stream', "UPDATE sessions SET ends_at = 'infinity'");
    like $error, qr/permission denied/, 'nor can the uploads move it';
};

done_testing;
