# Limits of failed log-ins and of registrations: what is rejected, for how long, and that nobody can lock out another
# user. The pool gets the client's address from nginx; here the test sends it to the pool itself.

use v5.36;

use FindBin;

use lib "$FindBin::Bin/lib";
use JSON::PP ();
use Parallel;
use Site;

use constant {
    RIGHT   => Site::Actor::PASSWORD,
    WRONG   => 'a wrong password',
    MINUTES => 60,
};

my %CHEAP  = (VS_PASSWORD_MEMORY_KIB => 64, VS_PASSWORD_PASSES => 1);
my %LIMITS = (
    VS_LOGIN_FAILURES             => 4,
    VS_LOGIN_FAILURES_PER_ADDRESS => 12,
    VS_LOGIN_FAILURES_PER_ACCOUNT => 20,
    VS_REGISTRATIONS_PER_ADDRESS  => 3,
);

my $site = Site->start(%CHEAP, %LIMITS);
my $pool;
my $next = 0;

sub json ($data) { return JSON::PP->new->utf8->canonical->encode($data) }

# An address that no client has used before.
sub new_address () { return sprintf '10.%d.%d.%d', 1, ++$next / 256, $next % 256 }

# Sends a request from the address to the pool, and returns the response.
sub request_from ($address, $method, $path, $body, %params) {
    $pool //= $site->fastcgi('login');
    my $answer = $pool->request(
        {REQUEST_METHOD => $method, REQUEST_URI => $path, REMOTE_ADDR => $address, %params},
        body => json($body), keep => 1);
    return $answer;
}

sub log_in ($address, $name, $password) {
    return request_from($address, POST => '/api/sessions', {user_name => $name, pwd => $password});
}

sub register ($address, $name) {
    return request_from($address, POST => '/api/users', {user_name => $name, pwd => RIGHT});
}

# The statuses of $count attempts.
sub statuses ($count, $attempt) { return join ' ', map { $attempt->()->{status} } 1 .. $count }

sub retry_after ($answer) { return $answer->{head} =~ /^Retry-After: (\d+)\r?$/m ? $1 : undef }

# Checks that the response is 429, and that Retry-After is one of the last 30 s up to $seconds.
sub is_limited ($answer, $seconds, $name) {
    is $answer->{status}, 429, $name;
    my $wait = retry_after($answer) // 0;
    ok $wait > $seconds - 30 && $wait <= $seconds, "$name: Retry-After is about $seconds s" or diag $answer->{head};
    return;
}

register(new_address(), $_) for qw(ann bob carl dora);

subtest 'failed log-ins are limited for an account and an address' => sub {
    my ($stranger, $owner) = map { new_address() } 1 .. 2;
    is statuses(4, sub { log_in($stranger, 'ann', WRONG) }), '401 401 401 401', 'four wrong passwords are allowed';
    is_limited(log_in($stranger, 'ann', WRONG), 2.5 * MINUTES, 'the fifth wrong password is limited');
    is_limited(log_in($stranger, 'ann', RIGHT), 2.5 * MINUTES, 'then the right password is limited, too');
    is_limited(log_in($stranger, $_, WRONG), 2.5 * MINUTES, 'another spelling of the name is limited, too')
        for 'ANN', ' ann ', "\x{ff41}nn";
    is log_in($stranger, 'bob', RIGHT)->{status}, 200, 'another account can log in from the same address';
    is log_in($owner, 'ann', RIGHT)->{status}, 200, 'the account can log in from another address';

    my $problem = JSON::PP->new->utf8->decode(log_in($stranger, 'ann', WRONG)->{body});
    is $problem->{error_code}, '011', 'the response has error_code 011';
    unlike $problem->{detail}, qr/ann/, 'the response does not name the account';
};

subtest 'the limit does not reveal whether a user exists' => sub {
    my ($known, $unknown) = map {
        my ($name, $address) = ($_, new_address());
        [map { my $answer = log_in($address, $name, WRONG); "$answer->{status} " . ($answer->{body} =~ s/"request_id":"\w*"//r) } 1 .. 6];
    } 'bob', 'nobody';
    is_deeply $unknown, $known, 'an unknown user gets the same responses as a known one';
    my $address = new_address();
    is statuses(5, sub { log_in($address, ++$next % 2 ? 'nobody' : 'NOBODY', WRONG) }), '401 401 401 401 429',
        'spellings of an unknown name are limited together';
};

subtest 'log-ins with the right password are not limited' => sub {
    my $address = new_address();
    is statuses(20, sub { log_in($address, 'ann', RIGHT) }), join(' ', (200) x 20),
        '20 log-ins with the right password succeed';
    is statuses(3, sub { log_in($address, 'ann', WRONG) }), '401 401 401', 'three wrong passwords are allowed';
    is statuses(20, sub { log_in($address, 'ann', RIGHT) }), join(' ', (200) x 20),
        '20 more log-ins with the right password succeed';
    is statuses(2, sub { log_in($address, 'ann', WRONG) }), '401 429',
        'successful log-ins do not reset the count of wrong passwords';
};

subtest 'failed log-ins are limited for an address' => sub {
    my $address = new_address();
    is statuses(12, sub { log_in($address, 'name ' . ++$next, WRONG) }), join(' ', (401) x 12),
        'twelve wrong passwords for different accounts are allowed';
    is_limited(log_in($address, 'one more', WRONG), MINUTES, 'another wrong password is limited');
    is_limited(log_in($address, 'ann', RIGHT), MINUTES, 'the right password is limited, too');
    is log_in(new_address(), 'ann', RIGHT)->{status}, 200, 'other addresses are not limited';

    my ($one, $same, $other) = ('2001:db8:1:2::1', '2001:db8:1:2:ffff:ffff:ffff:ffff', '2001:db8:1:3::1');
    is statuses(12, sub { log_in($one, 'name ' . ++$next, WRONG) }), join(' ', (401) x 12),
        'twelve wrong passwords from an IPv6 address are allowed';
    is log_in($same, 'ann', RIGHT)->{status}, 429, 'addresses in the same /64 network are limited together';
    is log_in($other, 'ann', RIGHT)->{status}, 200, 'another /64 network is not limited';
};

# Many addresses guess one password. The limit of the account leaves each address fewer guesses, but blocks none.
subtest 'failed log-ins are limited for an account, without locking out its owner' => sub {
    is statuses(20, sub { log_in(new_address(), 'carl', WRONG) }), join(' ', (401) x 20),
        '20 wrong passwords from different addresses are allowed';
    for (1 .. 20) {
        my $address = new_address();
        is statuses(2, sub { log_in($address, 'carl', WRONG) }), '401 429',
            'after that a new address has only one guess';
    }
    my $owner = new_address();
    is log_in($owner, 'carl', WRONG)->{status}, 401, 'the owner mistypes the password at a new address';
    is_limited(log_in($owner, 'carl', RIGHT), 10 * MINUTES, 'the owner has to wait after mistyping');
    is statuses(5, sub { log_in(new_address(), 'carl', RIGHT) }), '200 200 200 200 200',
        'the owner can log in from other addresses';
    my $stranger = new_address();
    is statuses(5, sub { log_in($stranger, 'dora', WRONG) }), '401 401 401 401 429',
        'other accounts have the usual limit';
};

subtest 'concurrent failed log-ins are limited exactly' => sub {
    my $address = new_address();
    my @statuses = Parallel::at_once(map { sub { $pool = undef; log_in($address, 'bob', WRONG)->{status} } } 1 .. 12);
    is_deeply [sort @statuses], [(401) x 4, (429) x 8], 'four of twelve concurrent attempts are allowed';
};

subtest 'wrong old passwords count as failed log-ins' => sub {
    my $login = log_in(new_address(), 'dora', RIGHT);
    my %session = (HTTP_X_SESSION_ID => JSON::PP->new->decode($login->{body})->{session_id});
    my $path = '/api/users/' . JSON::PP->new->decode($login->{body})->{user_id} . '/password';
    my $address = new_address();
    my $change = sub ($old) { request_from($address, PUT => $path, {pwd => RIGHT, old_pwd => $old}, %session) };
    is statuses(6, sub { $change->(RIGHT) }), join(' ', (204) x 6),
        'changes with the right old password are not limited';
    is statuses(5, sub { $change->(WRONG) }), '401 401 401 401 429', 'the fifth wrong old password is limited';
    is log_in($address, 'dora', RIGHT)->{status}, 429, 'a log-in is limited after wrong old passwords';
};

subtest 'registrations are limited for an address' => sub {
    my $address = new_address();
    is statuses(4, sub { register($address, 'new ' . ++$next) }), '201 201 201 429',
        'the fourth registration from an address is limited';
    is_limited(register($address, 'one more'), 20 * MINUTES, 'another registration is limited');
    is register(new_address(), 'elsewhere')->{status}, 201, 'other addresses are not limited';
    is log_in($address, 'ann', RIGHT)->{status}, 200, 'a registered user can log in from the limited address';
    $address = new_address();
    is statuses(4, sub { register($address, 'ann') }), '409 409 409 429', 'attempts with a name that is taken count';
    is $site->sql(q{SELECT count(*) FROM users WHERE name = 'one more'}), 0, 'a limited registration adds no user';
};

subtest 'the limits apply to requests through nginx' => sub {
    my %wrong = (user_name => 'bob', pwd => WRONG);
    $site->post('/api/sessions', \%wrong)->is(401)->problem('003') for 1 .. 4;
    $site->post('/api/sessions', \%wrong)->is(429)->problem('011')->header_like('Retry-After', qr/^1\d\d$/);
    $site->post('/api/users', {user_name => 'http ' . $_, pwd => RIGHT})->is(201) for 1 .. 3;
    $site->post('/api/users', {user_name => 'http', pwd => RIGHT})->is(429)->problem('011')
        ->header_like('Retry-After', qr/^1\d\d\d$/);
};

# The login pool has one worker. Its death must not reset the limits.
subtest 'the limits survive the death of a worker' => sub {
    my ($worker) = map { /pid=(\d+).*route=\/api\/sessions/ ? $1 : () } reverse $site->log_lines(qr/event=request/);
    my $address = new_address();
    is statuses(5, sub { log_in($address, 'bob', WRONG) }), '401 401 401 401 429',
        'the fifth wrong password is limited';
    $site->expect_log(qr/event=worker_ended .*signal=9/);
    $site->kill(KILL => $worker);
    $pool = undef;
    $site->soon(sub { eval { log_in(new_address(), 'ann', RIGHT)->{status} == 200 } or $pool = undef },
        'a new worker answers');
    is log_in($address, 'bob', WRONG)->{status}, 429, 'the new worker applies the limit';
};

subtest 'the value 0 switches a limit off' => sub {
    $site->stop;
    $pool = undef;
    $site = Site->start(%CHEAP, map { $_ => 0 } keys %LIMITS);
    my $address = new_address();
    register($address, 'ann');
    is statuses(130, sub { log_in($address, 'ann', WRONG) }), join(' ', (401) x 130), '130 wrong passwords are allowed';
    is statuses(120, sub { register($address, 'new ' . ++$next) }), join(' ', (201) x 120),
        '120 registrations are allowed';
};

done_testing;
