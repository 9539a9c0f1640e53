package Bench::Delivery;

# Throughput of a large video file: /stream compared with nginx serving a static file.

use v5.36;

use Bench::Data;
use Bench::Load;
use Bench::Rounds;
use Bench::Table;

use constant {
    CONNECTIONS => 16,     # with few, one nginx worker might get all of them
    WARM_UP     => 1,      # seconds
    GOAL        => 0.98,
    MIB         => 1024 * 1024,
};

my %NAME = (ours => 'video-server', other => 'static nginx');

sub prepare ($class, $testbed) {
    my ($id, $path) = Bench::Data::add_large_video($testbed->site);
    my $file = Bench::Data::media_name($testbed->site, $id);
    my $self = bless {
        ours  => $testbed->address . "/stream/videos/$id",
        other => $testbed->other_address . "/media/$file",
    }, $class;
    Bench::Data::compare($self->{$_}, $path) for qw(ours other);
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
        sprintf('Delivery: a video file of %d MiB, %d connections', Bench::Data::LARGE_BLOCKS, CONNECTIONS),
        $rounds->summary($self->{seconds}),
        Bench::Table::aligned(
            ['', 'MB/s'],
            map { [$_, Bench::Table::spread('%.0f', $rounds->spread($_, 'bytes_rate'), 1e6)] } @NAME{qw(ours other)},
        ),
        Bench::Table::ratio('throughput', @NAME{qw(ours other)}, $rounds->ratio(@NAME{qw(ours other)}, 'bytes_rate'),
            goal => 'at least ' . GOAL, format => '%.3f'),
        '',
    );
}

sub _load ($self, $who, $seconds) {
    return Bench::Load->run(address => $self->{$who}, connections => CONNECTIONS, seconds => $seconds);
}

1;
