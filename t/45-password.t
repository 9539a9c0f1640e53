# Passwords: changing one ends the user's other sessions, common ones are rejected, and hashes are renewed when the
# settings change.

use v5.36;

use FindBin;

use lib "$FindBin::Bin/lib";
use Parallel;
use Site;

use constant {
    OLD          => Site::Actor::PASSWORD,
    NEW          => 'another horse',
    WAIT_SECONDS => 30,
};

my %CHEAP = (VS_PASSWORD_MEMORY_KIB => 1024, VS_PASSWORD_PASSES => 1, VS_DATABASE_TIMEOUT_MS => 20_000);

my $site = Site->start(%CHEAP);
my $bob  = $site->user('bob');

sub path   ($user) { return '/api/users/' . $user->id . '/password' }
sub log_in ($name, $password) { return $site->post('/api/sessions', {user_name => $name, pwd => $password}) }
sub change ($user, $new, $old) { return $user->put(path($user), {pwd => $new, old_pwd => $old}) }
sub has_session ($user) { return $user->get('/api/sessions')->status == 200 }
sub hash_of ($name) { return scalar $site->sql("SELECT password_hash FROM users WHERE name = '$name'") }

subtest 'changing a password ends the other sessions of the user' => sub {
    my ($ann, $phone, $laptop) = map { $site->user('ann') } 1 .. 3;
    change($ann, NEW, OLD)->is(204)->body_is('')->header_is('Set-Cookie', undef);
    log_in('ann', OLD)->is(401, 'the old password is rejected')->problem('003');
    log_in('ann', NEW)->is(200, 'the new password is accepted');
    ok has_session($ann), 'the current session stays valid';
    ok !has_session($_), 'another session of the user has ended' for $phone, $laptop;
    $phone->upload(1, 'bunny.mp4')->is(401, 'an ended session is rejected for uploads');
    ok has_session($bob), 'the sessions of other users stay valid';
    unlike hash_of('ann'), qr/\Q${\NEW}/, 'the password is stored as a hash';

    my $other = $site->user('ann', NEW);
    my $hash = hash_of('ann');
    my $is_rejected = sub ($name, $response, $status, $code) {
        $response->is($status, "$name: $status")->problem($code);
        is hash_of('ann'), $hash, "$name: the password is not changed";
        ok has_session($other), "$name: no session ends";
    };
    $is_rejected->('a wrong old password', change($ann, OLD, OLD), 401, '003');
    $is_rejected->('an empty old password', change($ann, OLD, ''), 401, '003');
    $is_rejected->('no old password', $ann->put(path($ann), {pwd => OLD}), 400, '001');
    $is_rejected->('a short new password', change($ann, '1234567', NEW), 400, '001');
    $is_rejected->('a common new password', change($ann, 'Password123', NEW), 400, '001');
    $is_rejected->('no session', $site->put(path($ann), {pwd => OLD, old_pwd => NEW}), 401, '003');
    $is_rejected->(q{another user's password}, $bob->put(path($ann), {pwd => OLD, old_pwd => NEW}), 403, '006');
    $is_rejected->('the page of another site', $ann->put(path($ann), {pwd => OLD, old_pwd => NEW}, headers => {
        'X-Session-Id' => undef, Cookie => 'X-Session-Id=' . $ann->session, 'Sec-Fetch-Site' => 'cross-site',
    }), 403, '006');
    $bob->put('/api/users/9999/password', {pwd => NEW, old_pwd => OLD})
        ->is(404, 'the password of an unknown user: 404')->problem('007');

    $ann->put(path($ann) . '/', {pwd => OLD, old_pwd => NEW})->is(204, 'the path with a slash at the end works');
    ok !has_session($other), 'changing the password again ends the other session';
};

# The log has the process that answered. The login pool has one worker; the API pool has others.
subtest 'requests that hash passwords are handled by the login pool' => sub {
    my %pid_of = map { /pid=(\d+).*method=(\w+) route=(\S+)/ ? ("$2 $3" => $1) : () } $site->log_lines(qr/event=request/);
    my $login = $pid_of{'POST /api/sessions'};
    is $pid_of{'PUT /api/users/:uid/password'}, $login, 'changing a password is handled by the login pool';
    is $pid_of{'POST /api/users'}, $login, 'registering is handled by the login pool';
    my $api = $pid_of{'GET /api/sessions'};
    isnt $api, $login, 'listing sessions is handled by another pool';
    is getpriority(0, $login), getpriority(0, $api) + 5, 'the login pool has a lower priority than the API pool';
};

# Log-in and change wait for each other. In either order no session of the old password is left.
subtest 'a log-in with the old password during a change of the password leaves no session' => sub {
    my $eve = $site->user('eve');
    my $sessions = sub { $site->sql('SELECT count(*) FROM sessions WHERE user_id = ' . $eve->id) };
    my $is_waiting = sub { $site->waiting('video_api') == 1 };

    my $first = $site->transaction(<<~'SQL');
        INSERT INTO sessions (token_hash, user_id, expires_at, ends_at)
        SELECT sha256('first'), id, now() + interval '1 hour', now() + interval '1 hour'
        FROM users WHERE name = 'eve' FOR SHARE
        SQL
    my $change = $eve->open('PUT', path($eve), json => {pwd => NEW, old_pwd => OLD});
    $site->soon($is_waiting, 'the change waits for the log-in');
    $first->commit;
    like $change->rest(WAIT_SECONDS), qr{^HTTP/1\.1 204 }, 'the change succeeds after the log-in';
    is $sessions->(), 1, 'the change ends the session that has just begun';

    $first = $site->transaction(q{SELECT change_password(id, password_hash, 'other', '') FROM users WHERE name = 'eve'});
    my $late = $site->open('POST', '/api/sessions', json => {user_name => 'eve', pwd => NEW});
    $site->soon($is_waiting, 'the log-in has verified the old password and waits for the change');
    $first->commit;
    like $late->rest(WAIT_SECONDS), qr{^HTTP/1\.1 401 }, 'the log-in fails after the change';
    is $sessions->(), 0, 'the failed log-in leaves no session';
};

subtest 'of two concurrent changes one succeeds' => sub {
    my $dora = $site->user('dora');
    my $lock = $site->transaction(q{SELECT FROM users WHERE name = 'dora' FOR UPDATE});
    my @changes = map { $dora->open('PUT', path($dora), json => {pwd => "new password $_", old_pwd => OLD}) } 1 .. 2;
    $site->soon(sub { $site->waiting('video_api') == 2 }, 'both changes have verified the old password and wait');
    $lock->commit;
    my @statuses = map { $_->rest(WAIT_SECONDS) =~ m{^HTTP/1\.1 (\d+)} } @changes;
    is_deeply [sort @statuses], [204, 401], 'one change succeeds, the other fails because the old password has changed';
};

subtest 'the most common passwords are rejected' => sub {
    my $count = 0;
    for my $password ('password', 'PASSWORD', 'Password123', '12345678', 'qwertyuiop', 'iloveyou', 'letmein1', 'P@ssw0rd') {
        $site->post('/api/users', {user_name => 'common ' . ++$count, pwd => $password})
            ->is(400, "'$password' is rejected")->problem('001')
            ->like(qr/"detail":"pwd is one of the most common passwords"/);
    }
    is $site->sql(q{SELECT count(*) FROM users WHERE name LIKE 'common%'}), 0, 'no user is registered';
    $site->post('/api/users', {user_name => 'common', pwd => $_})->is(201, "'$_' is accepted") for 'password of mine';
    log_in('common', 'password')->is(401, 'a log-in with a common password fails like any other wrong one');
};

subtest 'a log-in renews the hash when the settings have changed' => sub {
    my ($before, $other) = (hash_of('ann'), hash_of('bob'));
    like $before, qr/^\$argon2id\$v=19\$m=1024,t=1,p=1\$/, 'the hash is argon2id with the cost of the settings';
    $site->stop(keep => 1);
    $site = Site->start(%CHEAP, VS_PASSWORD_MEMORY_KIB => 2048, VS_PASSWORD_PASSES => 2, folder => $site->folder);
    log_in('ann', NEW)->is(401, 'a wrong password is rejected');
    is hash_of('ann'), $before, 'a failed log-in does not renew the hash';
    log_in('ann', OLD)->is(200, 'the right password is accepted');
    my $after = hash_of('ann');
    like $after, qr/^\$argon2id\$v=19\$m=2048,t=2,p=1\$/, 'the log-in has renewed the hash with the new cost';
    log_in('ann', OLD)->is(200, 'the password is accepted with the new hash');
    is hash_of('ann'), $after, 'the hash is renewed only once';
    is hash_of('bob'), $other, 'the hash of a user who has not logged in is not renewed';
    ok has_session(Site::Actor->new($site, session => $bob->session)), 'sessions survive the change of the settings';
    is_deeply [Parallel::at_once(map { sub { log_in('bob', OLD)->status } } 1 .. 6)], [(200) x 6],
        'concurrent log-ins that renew the hash all succeed';
    like hash_of('bob'), qr/m=2048,t=2/, 'concurrent log-ins renew the hash';
};

done_testing;
