# User names and passwords: which names count as equal, how a name is taken, and what a failed log-in reveals.

use v5.36;
use utf8;

use FindBin;

use lib "$FindBin::Bin/lib";
use Parallel;
use Site;

use constant PASSWORD => 'correct horse';

my $site = Site->start;

sub register ($name, $password = PASSWORD) { return $site->post('/api/users',    {user_name => $name, pwd => $password}) }
sub log_in   ($name, $password = PASSWORD) { return $site->post('/api/sessions', {user_name => $name, pwd => $password}) }

# The name with its non-ASCII and control characters escaped, for the name of a test.
sub plain ($name) { return $name =~ s/([^\x20-\x7e])/sprintf '<%x>', ord $1/ger }

subtest 'names that differ only in case, Unicode form or surrounding spaces are the same name' => sub {
    for my $case (
        # a name, other spellings of it
        ['ann',            'ANN', 'Ann', "\x{ff41}\x{ff4e}\x{ff4e}", "\x{ff21}\x{ff2e}\x{ff2e}", ' ann', "ann\n", "\x{a0}ann\x{3000}"],
        ['Ärger',          'ärger', 'ÄRGER', "A\x{308}rger"],
        ['Дмитрий',        'ДМИТРИЙ', 'дмитрий'],
        ['Ὀδυσσεύς',       'ὀδυσσεύς'],
        ['łódź',           'ŁÓDŹ'],
        ["\x{fb01}nn",     'finn', 'FINN'],
        ["\x{ff76}\x{ff9e}", "\x{30ac}"],
        ['x y',            'X Y', "x\x{a0}y", "x\x{3000}y"],
    ) {
        my ($first, @others) = @$case;
        my $uid = register($first)->is(201, plain($first) . ' is registered')->json->{user_id};
        for my $other (@others) {
            register($other, 'other password')->is(409, plain($other) . ' is taken')->problem('008');
            is log_in($other)->is(200, plain($other) . ' can log in')->json->{user_id}, $uid,
                plain($other) . ' logs in as the same user';
        }
        log_in($first, 'other password')
            ->is(401, plain($first) . ' cannot log in with the password of a rejected registration');
    }
};

subtest 'similar names are different names' => sub {
    my %ids;
    for my $name ('bob', 'bobb', 'b ob', 'bób', "bob'", 'bоb', '0', 'null', '42', "\x{1f600}", "\x{202e}bob", '%62ob', 'bob%', 'b_b', 'me@bob') {
        my $user = register($name)->is(201, "'" . plain($name) . "' is registered")->json;
        is $user->{user_name}, $name, "'" . plain($name) . "' is stored unchanged";
        $ids{$user->{user_id}}++;
        is log_in($name)->is(200)->json->{user_id}, $user->{user_id}, "'" . plain($name) . "' logs in as that user";
    }
    is keys %ids, 15, 'each name is another user';
};

subtest 'spaces around a name are removed' => sub {
    my $uid = register(" \t\x{2003}Carol of the\x{a0}bells \n")->is(201)->json->{user_id};
    $site->get("/api/users/$uid")->is(200);
    is $site->get("/api/users/$uid")->json->{user_name}, "Carol of the\x{a0}bells", 'spaces within a name are kept';
};

subtest 'passwords are compared byte for byte' => sub {
    my %password = (
        blank      => ' ' x 8,
        controls   => join('', map { chr } 0 .. 31, 127),
        nul        => "abcdefgh\0one",
        emoji      => "\x{1f434}" x 64,
        composed   => "\x{e4}" x 8,
        long       => 'x' x 256,
    );
    for my $name (sort keys %password) {
        my $right = $password{$name};
        register("pwd $name", $right)->is(201, "password '$name' is accepted");
        log_in("pwd $name", $right)->is(200, "password '$name' logs in");
        log_in("pwd $name", 'X' . substr $right, 1)
            ->is(401, "password '$name' with another first character is rejected");
    }
    log_in('pwd nul', "abcdefgh\0two")->is(401, 'the part after a NUL is compared');
    log_in('pwd nul', 'abcdefgh')->is(401, 'the part before a NUL is not enough');
    log_in('pwd composed', "a\x{308}" x 8)->is(401, 'another Unicode composition is another password');
    log_in('pwd blank', ' ' x 9)->is(401, 'spaces are not trimmed');

    my $stored = $site->sql('SELECT string_agg(u::text, chr(10)) FROM users u');
    unlike $stored, qr/correct horse|xxxxxxxx/, 'the database does not store passwords';
    is $site->sql(q{SELECT count(*) FROM users WHERE password_hash NOT LIKE '$argon2id$v=19$m=19456,t=2,p=1$%'}), 0,
        'passwords are hashed with argon2id';
    is $site->sql('SELECT count(*) - count(DISTINCT password_hash) FROM users'), 0, 'each hash has its own salt';
};

subtest 'a failed log-in does not reveal whether the user exists, by its response or by its time' => sub {
    my (%responses, %times);
    for (1 .. 5) {
        for my $case ([known => 'ann'], [unknown => 'anna']) {
            my ($which, $name) = @$case;
            my $response = log_in($name, 'wrong password')->is(401);
            my $id = $response->header('X-Request-Id');
            my $bytes = "$response->{head}\n" . $response->body;
            $responses{$which} = $bytes =~ s/$id/(id)/gr =~ s/^Date: .*$/Date: (now)/mr;
            push @{$times{$which}}, map { /\bus=(\d+)/ } $site->log_lines(qr/event=request id=$id/);
        }
        is $responses{unknown}, $responses{known}, 'the responses for a known and an unknown user are the same';
    }
    my ($known, $unknown) = map { (sort { $a <=> $b } @$_)[2] } @times{qw(known unknown)};
    cmp_ok $unknown, '>', $known / 2, 'an unknown user takes more than half the time of a known one';
    cmp_ok $known, '>', $unknown / 2, 'a known user takes more than half the time of an unknown one';
};

subtest 'only one of many concurrent registrations gets a name' => sub {
    for my $round (1 .. 3) {
        my @names = map { ("Race $round", "RACE $round", "race $round", "\x{ff32}\x{ff41}\x{ff43}\x{ff45} $round") } 1 .. 3;
        my $before = $site->sql('SELECT count(*) FROM users');
        my @statuses = sort(Parallel::at_once(map { my $name = $_; sub { register($name)->status } } @names));
        is_deeply \@statuses, [201, (409) x $#names], "round $round: one registration succeeds, the others return 409";
        is $site->sql('SELECT count(*) FROM users'), $before + 1, "round $round: one user is added";
    }
};

subtest 'of many equal concurrent requests one takes effect' => sub {
    my $dora = $site->user('dora');
    my $vid = $dora->post('/api/videos', {title => 'Bunny'})->json->{id};
    $dora->upload($vid, 'bunny.mp4')->is(201);
    my @statuses = sort(Parallel::at_once((sub { $dora->delete("/api/videos/$vid")->status }) x 8));
    is_deeply \@statuses, [204, (404) x 7], 'one deletion succeeds, the others return 404';
    $site->soon(sub { !$site->media_files }, 'the media file of the video is deleted');
    @statuses = sort(Parallel::at_once((sub { $dora->delete('/api/sessions')->status }) x 8));
    is_deeply [grep { $_ != 205 && $_ != 401 } @statuses], [], 'each log-out returns 205 or 401';
    is $statuses[0], 205, 'at least one log-out returns 205';
    $dora->post('/api/videos', {title => 'Bunny'})->is(401, 'the session has ended');
};

done_testing;
