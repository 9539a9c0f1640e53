package Bench::Rows;

# Whether lists are better read as rows, as they are, or as JSON that PostgreSQL makes. On two cores: rows 227
# microseconds a page, JSON 467.

use v5.36;

use Cwd     ();
use FindBin ();

use Bench::Rounds;
use Bench::Table;
use Runner::Account;
use Runner::Command;

my $CHECKOUT = Cwd::realpath("$FindBin::Bin/..");

sub prepare ($class, $stand) {
    my $build = Cwd::realpath("$CHECKOUT/" . ($ENV{VS_BUILD} || 'build'));
    my $program = $stand->site->folder . '/bench/rows-or-json';
    my $libraries = '$(pkg-config --cflags --libs libpq json-c uuid libsodium fcgi)';
    my ($status, $output) = Runner::Command::capture(['sh', '-c',
        "cc -std=c11 -D_GNU_SOURCE -O2 -pthread -I'$CHECKOUT' -o '$program' '$CHECKOUT/bench/rows-or-json.c' '$build/obj/lib.a' $libraries"]);
    die "bench/rows-or-json.c cannot be built:\n$output" if $status != 0;
    return bless {program => $program, stand => $stand}, $class;
}

sub measure ($self, $options) {
    $self->{seconds} = $options->{seconds};
    $self->{rounds} = Bench::Rounds->measure($options->{rounds}, both => sub { $self->_run });
    return $self;
}

sub report ($self) {
    my ($rows, $json) = map { $self->{rounds}->spread('both', $_) } qw(rows json);
    return (
        'Rows or JSON: the first 50 videos on one connection, until they are JSON in memory; microseconds.',
        $self->{rounds}->summary($self->{seconds}),
        Bench::Table::aligned(
            ['', 'a page'],
            ['rows, written as JSON here', Bench::Table::spread('%.0f', $rows)],
            ['JSON, made by PostgreSQL',   Bench::Table::spread('%.0f', $json)],
        ),
        sprintf('JSON takes %.2f times as long as rows.', $json->{median} / $rows->{median}),
        '',
    );
}

sub _run ($self) {
    my $stand = $self->{stand};
    my ($status, $output) = Runner::Command::capture(
        [$stand->{pools}->command($self->{program}, $stand->site->database_url, $self->{seconds})]);
    die "rows-or-json failed:\n$output" if $status != 0;
    return {$output =~ /(\w+)_us=(\d+)/g};
}

1;
