package Bench::Delivery;

# How fast a film is sent: by /stream against nginx alone.

use v5.36;

use Bench::Data;
use Bench::Load;
use Bench::Rounds;
use Bench::Table;

use constant {
    CONNECTIONS => 16,     # on few, chance gives all to one of nginx's workers
    WARM_UP     => 1,      # seconds
    GOAL        => 0.98,
    MIB         => 1024 * 1024,
};

my %NAME = (ours => 'video-server', other => 'nginx, static');

sub prepare ($class, $stand) {
    my ($id, $film) = Bench::Data::add_film($stand->site);
    my $file = Bench::Data::media_name($stand->site, $id);
    my $self = bless {
        ours  => $stand->address . "/stream/videos/$id",
        other => $stand->other_address . "/media/$file",
    }, $class;
    Bench::Data::compare($self->{$_}, $film) for qw(ours other);
    return $self;
}

sub measure ($self, $options) {
    $self->{seconds} = $options->{seconds};
    $self->_load($_, WARM_UP) for qw(ours other);
    my @measurements = map {
        my $who = $_;
        ($NAME{$who} => sub { $self->_load($who, $self->{seconds}) });
    } qw(ours other);
    $self->{rounds} = Bench::Rounds->measure($options->{rounds}, @measurements);
    return $self;
}

sub report ($self) {
    my $rounds = $self->{rounds};
    return (
        sprintf('Delivery: a film of %d MiB, on %d connections.', Bench::Data::FILM_BLOCKS, CONNECTIONS),
        $rounds->summary($self->{seconds}),
        Bench::Table::aligned(
            ['', 'MB/s'],
            map { [$_, Bench::Table::spread('%.0f', $rounds->spread($_, 'bytes_rate'), 1e6)] } @NAME{qw(ours other)},
        ),
        'Bytes, video-server / nginx, static: '
            . Bench::Table::spread('%.3f', $rounds->ratio(@NAME{qw(ours other)}, 'bytes_rate')),
        'The goal is ' . GOAL . '.',
        '',
    );
}

sub _load ($self, $who, $seconds) {
    return Bench::Load->run(address => $self->{$who}, connections => CONNECTIONS, seconds => $seconds);
}

1;
