# Settings and command lines of the three programs: which are rejected, and with which message.

use v5.36;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use Program;

my @PROGRAMS = qw(fcgi-api fcgi-stream scheduler);
my $TOP = "$FindBin::Bin/..";
my $VERSION = content("$TOP/VERSION") =~ s/\n//r;

sub content ($path) {
    open my $file, '<', $path or die "cannot open $path: $!\n";
    local $/;
    return <$file>;
}

# [setting, values that are rejected, what the message says is allowed]
my @BAD = (
    [VS_PORT                     => ['0', '65536', '-1', '+1', '8080 ', '0x50', 'http', '80.0'], '1 to 65535'],
    [VS_API_PROCESSES            => ['0', '65', '2s', '4k'], '1 to 64'],
    [VS_DATABASE_TIMEOUT_MS      => ['99', '60001', '1s', '9' x 30], '100 to 60000'],
    [VS_STREAM_TOKENS_PER_CLIENT => ['-1', '100001'], '0 to 100000'],
    [VS_MAX_UPLOAD_BYTES         => ['1023', '17T', '1KB', '1.5G', 'M', '9999999T'], '1024 to 17592186044416 bytes, or with K, M, G or T'],
    [VS_SESSION_TTL              => ['59', '367d', '1w', 's', '5 m'], '60 to 31622400 seconds, or with s, m, h or d'],
    [VS_UPLOAD_TYPES             => ['audio', 'Video', 'video,any'], 'video, any'],
    [VS_LOG_LEVEL                => ['loud', '3'], 'error, warning, info, debug'],
);

# [setting, value, meaning that --check-config prints]
my @GOOD = (
    [VS_PORT             => '65535', '65535'],
    [VS_PORT             => '',      '8080'],
    [VS_MAX_UPLOAD_BYTES => '1G',    '1073741824'],
    [VS_MAX_UPLOAD_BYTES => '16T',   '17592186044416'],
    [VS_SESSION_TTL      => '60',    '60'],
    [VS_SESSION_TTL      => '2h',    '7200'],
    [VS_SESSION_MAX      => '',      '2592000'],
    [VS_SESSION_TTL      => '366d',  '31622400'],
    [VS_RECEIVE_TIMEOUT  => '1s',    '1'],
    [VS_UPLOAD_TYPES     => 'any',   'any'],
    [VS_DATABASE_URL     => q{host=h password='x y'}, q{host=h password='x y'}],
);

subtest 'invalid values of settings are rejected' => sub {
    for my $bad (@BAD) {
        my ($name, $values, $allowed) = @$bad;
        for my $value (@$values) {
            my ($status, $output) = Program->output('fcgi-api', ['--check-config'], $name => $value);
            is $status, 1, "$name=$value is rejected";
            like $output, qr/^\S+: $name is "\Q$value\E"; allowed: \Q$allowed\E$/,
                "the message for $name=$value says what is allowed";
        }
    }
    for my $program (@PROGRAMS) {
        my ($status, $output) = Program->output($program, [], VS_PORT => '0', VS_DATABASE_URL => 'dbname=none');
        is $status, 1, "$program does not start with an invalid setting";
        like $output, qr/^\S+: VS_PORT is "0"; allowed: 1 to 65535$/, "$program prints only that message";
    }
};

subtest 'valid values of settings are accepted' => sub {
    for my $good (@GOOD) {
        my ($name, $value, $meaning) = @$good;
        my ($status, $output) = Program->output('fcgi-api', ['--check-config'], $name => $value);
        is $status, 0, "$name=$value is accepted";
        like $output, qr/^$name=\Q$meaning\E$/m, "$name=$value means $meaning";
    }
};

subtest 'command line options' => sub {
    for my $program (@PROGRAMS) {
        my ($status, $help) = Program->output($program, ['--help']);
        is $status, 0, "$program --help succeeds";
        like $help, qr/^usage: \S+$program \[--help\[=markdown\] \| --version \| --check-config\]$/m,
            "$program --help begins with the usage";
        my @described = $help =~ /^  (VS_\w+) +\S.*\(.+\)$/mg;

        ($status, my $settings) = Program->output($program, ['--check-config']);
        is $status, 0, "$program --check-config succeeds";
        my @printed = $settings =~ /^(VS_\w+)=/mg;
        cmp_ok scalar @printed, '>', 20, "$program --check-config prints the settings";
        is_deeply \@described, \@printed, "$program --help describes the same settings";

        ($status, my $version) = Program->output($program, ['--version']);
        is $status, 0, "$program --version succeeds";
        is $version, "$program $VERSION\n", "$program --version prints the version of the file VERSION";

        for my $arguments (['--version', 'x'], ['--help=text'], ['x'], [''], ['--check-config', '--help']) {
            ($status, my $output) = Program->output($program, $arguments);
            is $status, 1, "$program @$arguments is rejected";
            like $output, qr/^\S+$program: unknown option; --help lists the options$/, "$program @$arguments prints an error";
        }
    }
};

subtest 'docs/configuration.md is generated from the settings' => sub {
    my ($status, $page) = Program->output('fcgi-api', ['--help=markdown']);
    is $status, 0, 'fcgi-api --help=markdown succeeds';
    is $page, content("$TOP/docs/configuration.md"), 'docs/configuration.md is current (make docs)';
};

# These settings are well-formed; their errors show only when they are used.
subtest 'programs do not start with settings that cannot work' => sub {
    my $url = 'host=/nonexistent dbname=none';
    my %cases = (
        'no database' => [{}, qr/level=error .*reason="VS_DATABASE_URL is empty"/],
        'a run folder in a missing folder' => [{VS_DATABASE_URL => $url, run => '/nonexistent/run'},
            qr{level=error .*path=/nonexistent/run reason="No such file or directory"}],
        'a run folder with a long path' => [{VS_DATABASE_URL => $url, run => '/tmp' . '/.' x 150},
            qr{level=error .*VS_RUN_DIR is too long}],
    );
    if ($> == 0) {
        $cases{'no such user'} = [{VS_DATABASE_URL => $url, VS_USER => 'nobody-at-all'},
            qr/level=error .*user=nobody-at-all setting=VS_USER/];
    }
    for my $name (sort keys %cases) {
        my ($settings, $message) = @{$cases{$name}};
        for my $program (@PROGRAMS) {
            my $started = Program->launch($program, %$settings);
            is $started->await_end, 1 << 8, "$name: $program does not start";
            like $started->log, $message, "$name: $program logs the reason";
        }
    }
};

done_testing;
