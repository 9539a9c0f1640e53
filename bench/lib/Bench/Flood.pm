package Bench::Flood;

# What a flood of logins, each with a password to be hashed, does to those who look up videos.

use v5.36;

use Bench::Data;
use Bench::Load;
use Bench::Rounds;
use Bench::Table;

use constant {
    CONNECTIONS => 16,
    FLOOD       => 16,    # connections that log in
    WARM_UP     => 2,     # seconds
    GOAL        => 2,
};

my ($ALONE, $FLOODED) = ('alone', 'in a flood of logins');

sub prepare ($class, $stand) {
    return bless {address => $stand->address}, $class;
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
        sprintf('Flood: GET /api/videos/:vid, on %d connections, while %d log in.', CONNECTIONS, FLOOD),
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
        "Median time, $FLOODED / $ALONE: " . Bench::Table::spread('%.2f', $rounds->ratio($FLOODED, $ALONE, 'p50_us')),
        'The goal is at most ' . GOAL . '.',
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

# The flood begins before the lookups and ends behind them.
sub _load_flooded ($self) {
    my $flood = Bench::Load->begin(
        address     => $self->{address},
        does        => 'login',
        refused     => 1,
        connections => FLOOD,
        seconds     => $self->{seconds} + 2 * WARM_UP,
    );
    $self->_load(WARM_UP);
    my $measured = $self->_load($self->{seconds});
    $measured->{logins_rate} = $flood->end->{requests_rate};
    return $measured;
}

1;
