package Bench::Rows;

# Lists read as rows and converted to JSON by the program, as fcgi-api does, compared with
# JSON built by PostgreSQL. On two cores: 227 microseconds per page for rows, 467 for
# JSON.

use v5.36;

use Cwd     ();
use FindBin ();

use Bench::Rounds;
use Bench::Table;
use Runner::Account;
use Runner::Command;

my $CHECKOUT = Cwd::realpath("$FindBin::Bin/..");

sub prepare ($class, $testbed) {
    my $build = Cwd::realpath("$CHECKOUT/" . ($ENV{VS_BUILD} || 'build'));
    my $program = $testbed->site->folder . '/bench/rows-or-json';
    my $libraries = '$(pkg-config --cflags --libs libpq json-c uuid libsodium fcgi)';
    my ($status, $output) = Runner::Command::capture(['sh', '-c',
        "cc -std=c11 -D_GNU_SOURCE -O2 -pthread -I'$CHECKOUT' -o '$program' '$CHECKOUT/bench/rows-or-json.c' '$build/obj/lib.a' $libraries"]);
    die "cannot build bench/rows-or-json.c:\n$output" if $status != 0;
    return bless {program => $program, testbed => $testbed}, $class;
}

sub measure ($self, $options) {
    $self->{seconds} = $options->{seconds};
    $self->{rounds} = Bench::Rounds->measure($options->{rounds}, both => sub { $self->_run });
    return $self;
}

sub report ($self) {
    my ($rows, $json) = map { $self->{rounds}->spread('both', $_) } qw(rows json);
    return (
        'Rows: the first 50 videos as JSON in memory, one database connection',
        $self->{rounds}->summary($self->{seconds}),
        Bench::Table::aligned(
            ['', 'us per page'],
            ['rows, converted by the program', Bench::Table::spread('%.0f', $rows)],
            ['JSON, built by PostgreSQL',      Bench::Table::spread('%.0f', $json)],
        ),
        sprintf('ratio of time, JSON / rows: %.2f', $json->{median} / $rows->{median}),
        '',
    );
}

sub _run ($self) {
    my $testbed = $self->{testbed};
    my ($status, $output) = Runner::Command::capture(
        [$testbed->{pools}->command($self->{program}, $testbed->site->database_url, $self->{seconds})]);
    die "rows-or-json failed:\n$output" if $status != 0;
    return {$output =~ /(\w+)_us=(\d+)/g};
}

1;
