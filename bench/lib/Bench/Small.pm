package Bench::Small;

# Responses of 16 KB: by /stream, by nginx alone, and by Go's http.ServeContent behind nginx. Then where the
# time of one of ours goes: what each step of it costs, by leaving out the steps that follow.

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

# Who takes the processors' time of one response, and for what. Our own sending is taken to cost what nginx's does.
my @SHARES = (
    [static     => 'nginx: sends the file'],
    [nginx      => 'nginx: asks the pool, follows X-Accel-Redirect, writes the journal'],
    [worker     => 'the worker: takes the token, answers'],    # and asks the database once a second
    [supervisor => 'the supervisor: reads the journal, gives the token back'],
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
        Bench::Table::aligned(['', 'us', 'share'], $self->_shares),
        '',
    );
}

sub _shares ($self) {
    my $us = sub ($who, $group) { $self->{rounds}->spread(_name($who, FEW), "${group}_us")->{median} };
    my %us = (static => $us->('static', 'nginx'), map { $_ => $us->('ours', $_) } qw(nginx worker supervisor));
    my $all = $us{nginx} + $us{worker} + $us{supervisor};
    $us{nginx} -= $us{static};
    return (
        map({ [$_->[1], sprintf('%.1f', $us{$_->[0]}), sprintf('%.0f %%', 100 * $us{$_->[0]} / $all)] } @SHARES),
        ['all', sprintf('%.1f', $all), '100 %'],
        ['the same by Go and nginx', sprintf('%.1f', $us->('go', 'nginx') + $us->('go', 'go')), ''],
    );
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
