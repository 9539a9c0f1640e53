# Users list and end their own sessions. Using a session extends it, up to a maximum.

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

# Logs the user in again, as on another device.
sub another_session ($user) { return $site->user($user->name) }

sub sessions ($user, $query = '') { return $user->get("/api/sessions$query")->is(200)->json->{sessions} }
sub current  ($user) { return (grep { $_->{current} } @{sessions($user)})[0] }

# A column of the user's session, as text.
sub column ($user, $sql) {
    return scalar $site->sql("SELECT $sql FROM sessions WHERE token_hash = sha256('" . $user->session . q{')});
}

# Sets columns of the user's session.
sub set ($user, $sql) {
    return $site->sql("UPDATE sessions SET $sql WHERE token_hash = sha256('" . $user->session . q{')});
}

subtest 'users list their own sessions' => sub {
    my ($phone, $laptop) = map { another_session($ann) } 1 .. 2;
    my %session = (id => $UUID, create_time => $TIME, use_time => $TIME, expires_at => $TIME);
    my ($no, $yes) = (JSON::PP::false, JSON::PP::true);
    my $list = $phone->get('/api/sessions')->is(200)->header_is('Content-Type', 'application/json')->json_is({
        sessions => [{%session, current => $no}, {%session, current => $yes}, {%session, current => $no}],
    }, 'sessions are listed newest first, and the current one is marked');
    my @sessions = @{$list->json->{sessions}};
    is current($laptop)->{id}, $sessions[0]{id}, 'the session that began last is the first in the list';
    is current($ann)->{id},    $sessions[2]{id}, 'the session that began first is the last in the list';
    is @{sessions($bob)}, 1, q{a user's list does not have the sessions of other users};

    for my $user ($ann, $phone, $laptop) {
        my $id = column($user, q{replace(id::text, '-', '')});
        my $secrets = $user->session . column($user, q{encode(token_hash, 'hex')});
        unlike $secrets, qr/\Q$id/i, 'the id of a session is not part of its token or hash';
    }
    $list->like(qr/^(?!.*\Q$_\E)/, 'the list has no tokens') for map { $_->session } $ann, $phone, $laptop;

    my $page = $phone->get('/api/sessions?limit=2')->is(200);
    is_deeply [map { $_->{id} } @{$page->json->{sessions}}], [map { $_->{id} } @sessions[0, 1]],
        'the first page has two sessions';
    my ($next) = $page->header('Link') =~ /^<(.+)>; rel="next"$/;
    my $last = $phone->get($next)->is(200)->header_is('Link', undef);
    is_deeply [map { $_->{id} } @{$last->json->{sessions}}], [$sessions[2]{id}],
        'the second page has the third session';

    set($laptop, 'expires_at = now()');
    is_deeply [map { $_->{id} } @{sessions($phone)}], [map { $_->{id} } @sessions[1, 2]],
        'an expired session is not listed';
    $phone->delete("/api/sessions/$sessions[0]{id}")->is(404, 'an expired session cannot be ended');
    $site->get('/api/sessions')->is(401, 'the list needs a session')->problem('003');
};

subtest 'users end their own sessions' => sub {
    my ($phone, $laptop) = map { another_session($ann) } 1 .. 2;
    my ($pid, $lid) = map { current($_)->{id} } $phone, $laptop;
    my $vid = $ann->post('/api/videos', {title => 'Mine'})->is(201)->json->{id};

    $bob->delete("/api/sessions/$pid")->is(404, q{another user's session cannot be ended})->problem('007');
    $site->delete("/api/sessions/$pid")->is(401, 'ending a session needs a session')->problem('003');
    $laptop->delete("/api/sessions/$_")->is(400, 'an invalid id is rejected')->problem('001')
        for 1, "${pid}0", $laptop->session;
    $laptop->delete('/api/sessions/' . NO_UUID)->is(404, 'an unknown id is not found')->problem('007');
    $phone->get('/api/sessions')->is(200, 'the session is still valid after the rejected requests');

    $laptop->delete('/api/sessions/' . uc $pid)->is(204, 'a session can be ended by its id in upper case')->body_is('');
    $phone->get('/api/sessions')->is(401, 'the ended session is rejected for listing sessions');
    $phone->post('/api/videos', {title => 'Late'})->is(401, 'the ended session is rejected for adding videos');
    $phone->upload($vid, 'bunny.mp4')->is(401, 'the ended session is rejected for uploads');
    $laptop->delete("/api/sessions/$pid")->is(404, 'a session cannot be ended twice');
    $laptop->delete("/api/sessions/$lid/")->is(204, 'the current session can be ended');
    $laptop->get('/api/sessions')->is(401, 'the current session is rejected after it was ended');
    $ann->get('/api/sessions')->is(200, q{the user's other session stays valid});

    my $cookie = another_session($ann);
    my %cookie = (headers => {'X-Session-Id' => undef, Cookie => 'X-Session-Id=' . $cookie->session});
    my $path = '/api/sessions/' . current($ann)->{id};
    $cookie->delete($path, headers => {%{$cookie{headers}}, Origin => 'https://evil.example'})
        ->is(403, 'a page of another site cannot end a session by the cookie');
    $ann->get('/api/sessions')->is(200, 'that session is still valid');
    $cookie->delete($path, %cookie)->is(204, 'the cookie allows ending a session');
    $ann->get('/api/sessions')->is(401, 'that session has ended');
};

subtest 'using a session extends it' => sub {
    my $user = another_session($bob);
    my %use = (
        'the API'     => sub { $user->post('/api/videos', {title => 'Mine'})->is(201) },
        'the uploads' => sub { $user->upload(9_223_372_036_854_775_807, 'bunny.mp4')->is(404) },
    );
    my $left = 'round(extract(epoch FROM expires_at - now()) / 60)';
    for my $place (sort keys %use) {
        set($user, q{use_time = now() - interval '59 minutes', expires_at = now() + interval '1 minute'});
        $use{$place}->();
        is column($user, $left), 60, "using $place extends the session by VS_SESSION_TTL";
        is column($user, 'round(extract(epoch FROM now() - use_time) / 60)'), 0, "using $place updates use_time";

        my $row = column($user, 'xmin || ctid::text || expires_at');
        $use{$place}->() for 1 .. 3;
        is column($user, 'xmin || ctid::text || expires_at'), $row,
            "using $place again within a minute does not write to the database";
    }
    set($user, q{use_time = now() - interval '2 minutes', expires_at = now() + interval '9 minutes', ends_at = now() + interval '10 minutes'});
    $use{'the API'}->();
    is column($user, $left), 10, 'a session is not extended past its end';
    set($user, q{use_time = now() - interval '2 minutes', expires_at = now() - interval '1 second'});
    $user->get('/api/sessions')->is(401, 'an expired session is rejected');
    cmp_ok column($user, 'extract(epoch FROM now() - expires_at)'), '>', 0, 'an expired session is not extended';
};

subtest 'a session has a maximum duration' => sub {
    my $user = another_session($bob);
    $site->expect_log(qr/violates check constraint "sessions_check"/, qr/permission denied for table sessions/);
    is column($user, 'extract(epoch FROM expires_at - create_time)::int'), HOUR,
        'an unused session lasts for VS_SESSION_TTL';
    is column($user, 'extract(epoch FROM ends_at - create_time)::int'), DAY,
        'a session ends after VS_SESSION_MAX at the latest';
    my ($rows, $error) = $site->sql_as('video_api', "UPDATE sessions SET expires_at = ends_at + interval '1 second'");
    like $error, qr/violates check constraint/, 'the database rejects an expiry after the end of the session';
    ($rows, $error) = $site->sql_as('video_stream', "UPDATE sessions SET ends_at = 'infinity'");
    like $error, qr/permission denied/, 'the upload role cannot change the end of a session';
};

done_testing;
