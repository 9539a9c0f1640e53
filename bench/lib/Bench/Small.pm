package Bench::Small;

# Responses of 16 KB: by /stream, by nginx alone, and by Go's http.ServeContent behind nginx. Then where the
# processors' time of each goes.

use v5.36;

use Bench::Cpu;
use Bench::Data;
use Bench::Load;
use Bench::Rounds;
use Bench::Table;

use constant {
    BYTES   => 16 * 1024,
    FEW     => 16,      # connections
    MANY    => 64,
    WARM_UP => 1,       # seconds
    TOKENS  => 10_000,  # enough, also when the machine is too busy to read the journal in time
    GOAL    => 1.2,     # against Go
};

my %NAME = (ours => 'video-server', static => 'nginx, static', go => 'Go, ServeContent');

# Who takes the processors' time of one response, and for what.
my @SHARES = (
    [ours => nginx      => 'nginx asks the pool, sends, writes the journal'],
    [ours => worker     => 'the worker takes the token, answers with the file'],    # and asks the database once a second
    [ours => supervisor => 'the supervisor reads the journal, gives the token back'],
    [go   => nginx      => 'nginx asks Go, sends'],
    [go   => go         => 'Go answers with the file'],
    [static => nginx    => 'nginx sends the file'],
);

sub prepare ($class, $stand) {
    my $site = $stand->site;
    $stand->set_tokens(stream => TOKENS);
    my ($id, $path) = Bench::Data::add_video($site, 'small', BYTES);
    my $file = Bench::Data::media_name($site, $id);
    my $self = bless {
        ours   => $stand->address . "/stream/videos/$id",
        static => $stand->other_address . "/media/$file",
        go     => $stand->other_address . "/files/$file",
    }, $class;
    my ($supervisor, @workers) = $site->pids('fcgi-stream');
    $self->{processes} = {
        ours   => {nginx => [$site->pids('nginx')], worker => \@workers, supervisor => [$supervisor]},
        static => {nginx => [$stand->other_nginx_pids]},
        go     => {nginx => [$stand->other_nginx_pids], go => [$stand->go_pids]},
    };
    Bench::Data::compare($self->{$_}, $path) for qw(ours static go);
    return $self;
}

sub measure ($self, $options) {
    $self->{seconds} = $options->{seconds};
    $self->_load($_, FEW, WARM_UP) for qw(ours static go);
    my @measurements = map {
        my $connections = $_;
        map { $self->_measurement($_, $connections) } qw(ours static go);
    } FEW, MANY;
    $self->{rounds} = Bench::Rounds->measure($options->{rounds}, @measurements);
    return $self;
}

sub report ($self) {
    my $rounds = $self->{rounds};
    my @rows = map {
        my $connections = $_;
        map { $self->_row($_, $connections) } qw(ours static go);
    } FEW, MANY;
    return (
        sprintf('Small: responses of %d KB.', BYTES / 1024),
        $rounds->summary($self->{seconds}),
        Bench::Table::aligned(['', 'requests/s', 'p50 ms', 'p99 ms'], @rows),
        (map { $self->_ratios($_) } FEW, MANY),
        'The goal is ' . GOAL . ' times Go, and as near to nginx alone as can be.',
        '',
        "The processors' time that one response takes, at " . FEW . ' connections:',
        Bench::Table::aligned(['', '', 'us'], $self->_shares),
        '',
    );
}

sub _shares ($self) {
    my (%sum, @rows);
    for my $share (@SHARES) {
        my ($who, $group, $what) = @$share;
        my $us = $self->{rounds}->spread(_name($who, FEW), "${group}_us")->{median};
        $sum{$who} += $us;
        push @rows, [$NAME{$who}, $what, sprintf '%.1f', $us];
    }
    return @rows, map { [$NAME{$_}, 'all of it', sprintf '%.1f', $sum{$_}] } qw(ours go);
}

sub _row ($self, $who, $connections) {
    my ($rounds, $name) = ($self->{rounds}, _name($who, $connections));
    return [
        $name,
        Bench::Table::spread('%.0f', $rounds->spread($name, 'requests_rate')),
        map { sprintf '%.2f', $rounds->spread($name, "${_}_us")->{median} / 1000 } qw(p50 p99),
    ];
}

sub _ratios ($self, $connections) {
    return map {
        my $ratio = $self->{rounds}->ratio(_name('ours', $connections), _name($_, $connections), 'requests_rate');
        "Requests at $connections connections, video-server / $NAME{$_}: " . Bench::Table::spread('%.2f', $ratio);
    } qw(static go);
}

sub _measurement ($self, $who, $connections) {
    return (_name($who, $connections) => sub { $self->_load($who, $connections, $self->{seconds}) });
}

sub _load ($self, $who, $connections, $seconds) {
    my $cpu = Bench::Cpu->of(%{$self->{processes}{$who} // {}});
    my $measured = Bench::Load->run(address => $self->{$who}, connections => $connections, seconds => $seconds);
    my $taken_us = $cpu->taken_us;
    return {%$measured, map { ("${_}_us" => $taken_us->{$_} / $measured->{requests}) } keys %$taken_us};
}

sub _name ($who, $connections) { return "$NAME{$who}, $connections connections" }

1;
