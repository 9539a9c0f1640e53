# Passwords: changing one ends the other sessions, the most common ones are refused, and a hash follows the settings.

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
sub lives  ($user) { return $user->get('/api/sessions')->status == 200 }
sub hash_of ($name) { return scalar $site->sql("SELECT password_hash FROM users WHERE name = '$name'") }

subtest 'changing it' => sub {
    my ($ann, $phone, $laptop) = map { $site->user('ann') } 1 .. 3;
    change($ann, NEW, OLD)->is(204)->body_is('')->header_is('Set-Cookie', undef);
    log_in('ann', OLD)->is(401, 'the old one is no more')->problem('003');
    log_in('ann', NEW)->is(200, 'the new one is');
    ok lives($ann), 'the session that asked goes on';
    ok !lives($_), 'the other ones have ended' for $phone, $laptop;
    $phone->upload(1, 'bunny.mp4')->is(401, 'for uploads, too');
    ok lives($bob), 'those of other users have not';
    unlike hash_of('ann'), qr/\Q${\NEW}/, 'it is stored as a hash';

    my $other = $site->user('ann', NEW);
    my $hash = hash_of('ann');
    my $refused = sub ($name, $response, $status, $code) {
        $response->is($status, $name)->problem($code);
        is hash_of('ann'), $hash, 'the password is the same';
        ok lives($other), 'no session has ended';
    };
    $refused->('a wrong old one', change($ann, OLD, OLD), 401, '003');
    $refused->('an empty old one', change($ann, OLD, ''), 401, '003');
    $refused->('no old one', $ann->put(path($ann), {pwd => OLD}), 400, '001');
    $refused->('a short new one', change($ann, '1234567', NEW), 400, '001');
    $refused->('a common new one', change($ann, 'Password123', NEW), 400, '001');
    $refused->('without a session', $site->put(path($ann), {pwd => OLD, old_pwd => NEW}), 401, '003');
    $refused->(q{another user's}, $bob->put(path($ann), {pwd => OLD, old_pwd => NEW}), 403, '006');
    $refused->('from the page of another site', $ann->put(path($ann), {pwd => OLD, old_pwd => NEW}, headers => {
        'X-Session-Id' => undef, Cookie => 'X-Session-Id=' . $ann->session, 'Sec-Fetch-Site' => 'cross-site',
    }), 403, '006');
    $bob->put('/api/users/9999/password', {pwd => NEW, old_pwd => OLD})->is(404, 'nobody has none')->problem('007');

    $ann->put(path($ann) . '/', {pwd => OLD, old_pwd => NEW})->is(204, 'and back');
    ok !lives($other), 'which ends the others again';
};

# Which pool answers is in the log: that of log-ins has one worker, and this is another one than those of the API.
subtest 'what hashes is in the pool of the log-ins' => sub {
    my %pid_of = map { /pid=(\d+).*method=(\w+) route=(\S+)/ ? ("$2 $3" => $1) : () } $site->log_lines(qr/event=request/);
    my $login = $pid_of{'POST /api/sessions'};
    is $pid_of{'PUT /api/users/:uid/password'}, $login, 'changing a password';
    is $pid_of{'POST /api/users'}, $login, 'registering';
    my $api = $pid_of{'GET /api/sessions'};
    isnt $api, $login, 'nothing else';
    is getpriority(0, $login), getpriority(0, $api) + 5, 'it gives way to who reads';
};

# Each waits for the other: who is first has its way, and no session of the old password is left.
subtest 'a log-in with the old password during the change' => sub {
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
    like $change->rest(WAIT_SECONDS), qr{^HTTP/1\.1 204 }, 'then it is made';
    is $sessions->(), 1, 'and ends the session that has just begun';

    $first = $site->transaction(q{SELECT change_password(id, password_hash, 'other', '') FROM users WHERE name = 'eve'});
    my $late = $site->open('POST', '/api/sessions', json => {user_name => 'eve', pwd => NEW});
    $site->soon($is_waiting, 'the log-in has verified the old password, and waits for the change');
    $first->commit;
    like $late->rest(WAIT_SECONDS), qr{^HTTP/1\.1 401 }, 'then it fails';
    is $sessions->(), 0, 'and has no session';
};

subtest 'two changes at once' => sub {
    my $dora = $site->user('dora');
    my $lock = $site->transaction(q{SELECT FROM users WHERE name = 'dora' FOR UPDATE});
    my @changes = map { $dora->open('PUT', path($dora), json => {pwd => "new password $_", old_pwd => OLD}) } 1 .. 2;
    $site->soon(sub { $site->waiting('video_api') == 2 }, 'both have verified the old one');
    $lock->commit;
    my @statuses = map { $_->rest(WAIT_SECONDS) =~ m{^HTTP/1\.1 (\d+)} } @changes;
    is_deeply [sort @statuses], [204, 401], 'one of them is made, then the old one is wrong';
};

subtest 'the most common ones' => sub {
    my $count = 0;
    for my $password ('password', 'PASSWORD', 'Password123', '12345678', 'qwertyuiop', 'iloveyou', 'letmein1', 'P@ssw0rd') {
        $site->post('/api/users', {user_name => 'common ' . ++$count, pwd => $password})->is(400, "$password is refused")
            ->problem('001')->like(qr/"detail":"pwd is one of the most common passwords"/);
    }
    is $site->sql(q{SELECT count(*) FROM users WHERE name LIKE 'common%'}), 0, 'nobody is registered';
    $site->post('/api/users', {user_name => 'common', pwd => $_})->is(201, "$_ is not") for 'password of mine';
    log_in('common', 'password')->is(401, 'a log-in with one is just wrong');
};

subtest 'a hash follows the settings' => sub {
    my ($before, $other) = (hash_of('ann'), hash_of('bob'));
    like $before, qr/^\$argon2id\$v=19\$m=1024,t=1,p=1\$/, 'argon2id at the cost that is set';
    $site->stop(keep => 1);
    $site = Site->start(%CHEAP, VS_PASSWORD_MEMORY_KIB => 2048, VS_PASSWORD_PASSES => 2, folder => $site->folder);
    log_in('ann', NEW)->is(401, 'a wrong password');
    is hash_of('ann'), $before, 'changes nothing';
    log_in('ann', OLD)->is(200, 'the right one');
    my $after = hash_of('ann');
    like $after, qr/^\$argon2id\$v=19\$m=2048,t=2,p=1\$/, 'is hashed anew when the settings have changed';
    log_in('ann', OLD)->is(200, 'and still the right one');
    is hash_of('ann'), $after, 'which is done once';
    is hash_of('bob'), $other, 'and not for those who are away';
    ok lives(Site::Actor->new($site, session => $bob->session)), 'no session ends by it';
    is_deeply [Parallel::at_once(map { sub { log_in('bob', OLD)->status } } 1 .. 6)], [(200) x 6], 'nor does a log-in fail';
    like hash_of('bob'), qr/m=2048,t=2/, 'which come at the same time';
};

done_testing;
