# Guessing passwords and registering without end: what is refused, for how long, and that no stranger can lock
# somebody out. The client's address is what nginx says; here the test says it to the pool of the log-ins.

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

# An address that nobody has had before.
sub new_address () { return sprintf '10.%d.%d.%d', 1, ++$next / 256, $next % 256 }

# An answer of the pool to somebody at that address.
sub ask ($address, $method, $path, $body, %params) {
    $pool //= $site->fastcgi('login');
    my $answer = $pool->request(
        {REQUEST_METHOD => $method, REQUEST_URI => $path, REMOTE_ADDR => $address, %params},
        body => json($body), keep => 1);
    return $answer;
}

sub log_in ($address, $name, $password) {
    return ask($address, POST => '/api/sessions', {user_name => $name, pwd => $password});
}

sub register ($address, $name) {
    return ask($address, POST => '/api/users', {user_name => $name, pwd => RIGHT});
}

# The statuses of so many attempts.
sub statuses ($count, $attempt) { return join ' ', map { $attempt->()->{status} } 1 .. $count }

sub retry_after ($answer) { return $answer->{head} =~ /^Retry-After: (\d+)\r?$/m ? $1 : undef }

# Whether the answer is the refusal, and says when to come again: in the last that many seconds.
sub is_refused ($answer, $seconds, $name) {
    is $answer->{status}, 429, $name;
    my $wait = retry_after($answer) // 0;
    ok $wait > $seconds - 30 && $wait <= $seconds, "in $seconds s" or diag $answer->{head};
    return;
}

register(new_address(), $_) for qw(ann bob carl dora);

subtest 'one account from one address' => sub {
    my ($stranger, $owner) = map { new_address() } 1 .. 2;
    is statuses(4, sub { log_in($stranger, 'ann', WRONG) }), '401 401 401 401', 'some wrong passwords';
    is_refused(log_in($stranger, 'ann', WRONG), 2.5 * MINUTES, 'then no more');
    is_refused(log_in($stranger, 'ann', RIGHT), 2.5 * MINUTES, 'not even the right one');
    is_refused(log_in($stranger, $_, WRONG), 2.5 * MINUTES, "nor by its name in other letters") for 'ANN', ' ann ', "\x{ff41}nn";
    is log_in($stranger, 'bob', RIGHT)->{status}, 200, 'another account can be used there';
    is log_in($owner, 'ann', RIGHT)->{status}, 200, 'and this one elsewhere';

    my $problem = JSON::PP->new->utf8->decode(log_in($stranger, 'ann', WRONG)->{body});
    is $problem->{error_code}, '011', 'the refusal has the code of its kind';
    unlike $problem->{detail}, qr/ann/, 'and names nobody';
};

subtest 'nobody learns who is registered' => sub {
    my ($known, $unknown) = map {
        my ($name, $address) = ($_, new_address());
        [map { my $answer = log_in($address, $name, WRONG); "$answer->{status} " . ($answer->{body} =~ s/"request_id":"\w*"//r) } 1 .. 6];
    } 'bob', 'nobody';
    is_deeply $unknown, $known, 'an unknown user is limited in the same way';
    my $address = new_address();
    is statuses(5, sub { log_in($address, ++$next % 2 ? 'nobody' : 'NOBODY', WRONG) }), '401 401 401 401 429', 'however it is written';
};

subtest 'the right password' => sub {
    my $address = new_address();
    is statuses(20, sub { log_in($address, 'ann', RIGHT) }), join(' ', (200) x 20), 'is never too much';
    is statuses(3, sub { log_in($address, 'ann', WRONG) }), '401 401 401', 'wrong ones';
    is statuses(20, sub { log_in($address, 'ann', RIGHT) }), join(' ', (200) x 20), 'do not add up with right ones';
    is statuses(2, sub { log_in($address, 'ann', WRONG) }), '401 429', 'nor are they forgotten';
};

subtest 'one address' => sub {
    my $address = new_address();
    is statuses(12, sub { log_in($address, 'name ' . ++$next, WRONG) }), join(' ', (401) x 12), 'many accounts, once each';
    is_refused(log_in($address, 'one more', WRONG), MINUTES, 'then no more');
    is_refused(log_in($address, 'ann', RIGHT), MINUTES, 'for nobody there');
    is log_in(new_address(), 'ann', RIGHT)->{status}, 200, 'but elsewhere';

    my ($one, $same, $other) = ('2001:db8:1:2::1', '2001:db8:1:2:ffff:ffff:ffff:ffff', '2001:db8:1:3::1');
    is statuses(12, sub { log_in($one, 'name ' . ++$next, WRONG) }), join(' ', (401) x 12), 'with IPv6';
    is log_in($same, 'ann', RIGHT)->{status}, 429, 'a household is one';
    is log_in($other, 'ann', RIGHT)->{status}, 200, 'the next one is another';
};

# Many addresses guess one password. None is refused for the others, but each has fewer guesses.
subtest 'one account from everywhere' => sub {
    is statuses(20, sub { log_in(new_address(), 'carl', WRONG) }), join(' ', (401) x 20), 'each address guesses once';
    for (1 .. 20) {
        my $address = new_address();
        is statuses(2, sub { log_in($address, 'carl', WRONG) }), '401 429', 'later ones have only that guess';
    }
    my $owner = new_address();
    is log_in($owner, 'carl', WRONG)->{status}, 401, 'the owner comes from a new address, too, and mistypes';
    is_refused(log_in($owner, 'carl', RIGHT), 10 * MINUTES, 'which costs time');
    is statuses(5, sub { log_in(new_address(), 'carl', RIGHT) }), '200 200 200 200 200', 'but is not locked out';
    my $stranger = new_address();
    is statuses(5, sub { log_in($stranger, 'dora', WRONG) }), '401 401 401 401 429', 'other accounts are as before';
};

subtest 'many at once' => sub {
    my $address = new_address();
    my @statuses = Parallel::at_once(map { sub { $pool = undef; log_in($address, 'bob', WRONG)->{status} } } 1 .. 12);
    is_deeply [sort @statuses], [(401) x 4, (429) x 8], 'none slips through';
};

subtest 'changing a password' => sub {
    my $login = log_in(new_address(), 'dora', RIGHT);
    my %session = (HTTP_X_SESSION_ID => JSON::PP->new->decode($login->{body})->{session_id});
    my $path = '/api/users/' . JSON::PP->new->decode($login->{body})->{user_id} . '/password';
    my $address = new_address();
    my $change = sub ($old) { ask($address, PUT => $path, {pwd => RIGHT, old_pwd => $old}, %session) };
    is statuses(6, sub { $change->(RIGHT) }), join(' ', (204) x 6), 'with the right one';
    is statuses(5, sub { $change->(WRONG) }), '401 401 401 401 429', 'wrong ones count as with log-ins';
    is log_in($address, 'dora', RIGHT)->{status}, 429, 'and together with them';
};

subtest 'registering' => sub {
    my $address = new_address();
    is statuses(4, sub { register($address, 'new ' . ++$next) }), '201 201 201 429', 'some from one address';
    is_refused(register($address, 'one more'), 20 * MINUTES, 'then no more');
    is register(new_address(), 'elsewhere')->{status}, 201, 'but elsewhere';
    is log_in($address, 'ann', RIGHT)->{status}, 200, 'and who is registered can log in';
    $address = new_address();
    is statuses(4, sub { register($address, 'ann') }), '409 409 409 429', 'names that are taken count, too';
    is $site->sql(q{SELECT count(*) FROM users WHERE name = 'one more'}), 0, 'nobody is registered';
};

# All of this as a client sees it, through nginx.
subtest 'over HTTP' => sub {
    my %wrong = (user_name => 'bob', pwd => WRONG);
    $site->post('/api/sessions', \%wrong)->is(401)->problem('003') for 1 .. 4;
    $site->post('/api/sessions', \%wrong)->is(429)->problem('011')->header_like('Retry-After', qr/^1\d\d$/);
    $site->post('/api/users', {user_name => 'http ' . $_, pwd => RIGHT})->is(201) for 1 .. 3;
    $site->post('/api/users', {user_name => 'http', pwd => RIGHT})->is(429)->problem('011')
        ->header_like('Retry-After', qr/^1\d\d\d$/);
};

# One worker has the pool; its death is no way to try again.
subtest 'a worker that dies' => sub {
    my ($worker) = map { /pid=(\d+).*route=\/api\/sessions/ ? $1 : () } reverse $site->log_lines(qr/event=request/);
    my $address = new_address();
    is statuses(5, sub { log_in($address, 'bob', WRONG) }), '401 401 401 401 429', 'an allowance is used up';
    $site->expect_log(qr/event=worker_ended .*signal=9/);
    $site->kill(KILL => $worker);
    $pool = undef;
    $site->soon(sub { eval { log_in(new_address(), 'ann', RIGHT)->{status} == 200 } or $pool = undef }, 'another worker serves');
    is log_in($address, 'bob', WRONG)->{status}, 429, 'and knows it';
};

subtest 'without limits' => sub {
    $site->stop;
    $pool = undef;
    $site = Site->start(%CHEAP, map { $_ => 0 } keys %LIMITS);
    my $address = new_address();
    register($address, 'ann');
    is statuses(130, sub { log_in($address, 'ann', WRONG) }), join(' ', (401) x 130), 'any number of wrong passwords';
    is statuses(120, sub { register($address, 'new ' . ++$next) }), join(' ', (201) x 120), 'and of users';
};

done_testing;
