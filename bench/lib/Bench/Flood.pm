package Bench::Flood;

# How a flood of logins, each of which hashes a password, slows down GET /api/videos/:vid.

use v5.36;

use Bench::Data;
use Bench::Load;
use Bench::Rounds;
use Bench::Table;

use constant {
    CONNECTIONS => 16,
    FLOOD       => 16,    # connections that send logins
    WARM_UP     => 2,     # seconds
    GOAL        => 2,
};

my ($ALONE, $FLOODED) = ('without logins', 'with a flood of logins');

sub prepare ($class, $testbed) {
    return bless {address => $testbed->address}, $class;
}

sub measure ($self, $options) {
    $self->{seconds} = $options->{seconds};
    $self->_load(WARM_UP);
    $self->{rounds} = Bench::Rounds->measure($options->{rounds},
        $ALONE   => sub { $self->_load($self->{seconds}) },
        $FLOODED => sub { $self->_load_flooded },
    );
    return $self;
}

sub report ($self) {
    my $rounds = $self->{rounds};
    return (
        sprintf('Flood: GET /api/videos/:vid, %d connections, during logins on %d more', CONNECTIONS, FLOOD),
        $rounds->summary($self->{seconds}),
        Bench::Table::aligned(
            ['', 'requests/s', 'p50 ms', 'p99 ms', 'logins/s'],
            map {
                my $name = $_;
                [
                    $name,
                    Bench::Table::spread('%.0f', $rounds->spread($name, 'requests_rate')),
                    (map { sprintf '%.2f', $rounds->spread($name, "${_}_us")->{median} / 1000 } qw(p50 p99)),
                    $name eq $FLOODED ? sprintf('%.0f', $rounds->spread($name, 'logins_rate')->{median}) : '',
                ]
            } $ALONE, $FLOODED
        ),
        Bench::Table::ratio('p50', $FLOODED, $ALONE, $rounds->ratio($FLOODED, $ALONE, 'p50_us'), goal => 'at most ' . GOAL),
        '',
    );
}

sub _load ($self, $seconds) {
    return Bench::Load->run(
        address     => $self->{address},
        videos      => Bench::Data::VIDEOS,
        connections => CONNECTIONS,
        seconds     => $seconds,
    );
}

# The flood starts before the measurement and ends after it.
sub _load_flooded ($self) {
    my $flood = Bench::Load->start(
        address      => $self->{address},
        action       => 'login',
        allow_errors => 1,
        connections  => FLOOD,
        seconds      => $self->{seconds} + 2 * WARM_UP,
    );
    $self->_load(WARM_UP);
    my $measured = $self->_load($self->{seconds});
    $measured->{logins_rate} = $flood->finish->{requests_rate};
    return $measured;
}

1;
