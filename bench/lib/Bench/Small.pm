package Bench::Small;

# Responses of 16 KiB by /stream, by nginx alone, and by Go's http.ServeContent behind
# nginx. With one file, /stream has it in its cache (fcgi-stream/delivery/small_files.h);
# with many, they do not all fit. Also the CPU time per response of each part.

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
    FILES   => 256,
    WARM_UP => 1,       # seconds
    TOKENS  => 10_000,  # enough even when a busy machine delays the reading of the journal
    GOAL    => 1.2,     # compared with Go
};

# [connections, files].
my @LOADS = ([FEW, 1], [MANY, 1], [MANY, FILES]);

my %NAME = (ours => 'video-server', static => 'static nginx', go => 'Go ServeContent');

# [server, group of processes, what it does for one response].
my @SHARES = (
    [ours => nginx      => 'nginx: request to the pool, response, journal'],
    # The worker also queries the database, once a second.
    [ours => worker     => 'worker: acquire the token, send the file'],
    [ours => supervisor => 'supervisor: read the journal, release the token'],
    [go   => nginx      => 'nginx: request to Go, response'],
    [go   => go         => 'Go: send the file'],
    [static => nginx    => 'nginx: response'],
);

sub prepare ($class, $testbed) {
    my $site = $testbed->site;
    $testbed->set_tokens(stream => TOKENS);
    my ($id, $path) = Bench::Data::add_video($site, 'small', BYTES);
    my @ids = ($id, map { Bench::Data::add_uploaded($site, "small $_", $path) } 2 .. FILES);
    my @files = map { Bench::Data::media_name($site, $_) } @ids;
    my %paths = (
        ours   => [map { "/stream/videos/$_" } @ids],
        static => [map { "/media/$_" } @files],
        go     => [map { "/files/$_" } @files],
    );
    my %server = (ours => $testbed->address, static => $testbed->other_address, go => $testbed->other_address);
    my $self = bless {map { $_ => "$server{$_}$paths{$_}[0]" } keys %paths}, $class;
    $self->{paths} = {map { $_ => _write_lines($testbed->folder . "/paths-$_", @{$paths{$_}}) } keys %paths};
    my ($supervisor, @workers) = $site->pids('fcgi-stream');
    $self->{processes} = {
        ours   => {nginx => [$site->pids('nginx')], worker => \@workers, supervisor => [$supervisor]},
        static => {nginx => [$testbed->other_nginx_pids]},
        go     => {nginx => [$testbed->other_nginx_pids], go => [$testbed->go_pids]},
    };
    Bench::Data::compare($self->{$_}, $path) for qw(ours static go);
    return $self;
}

sub measure ($self, $options) {
    $self->{seconds} = $options->{seconds};
    $self->_load($_, $LOADS[0], WARM_UP) for qw(ours static go);
    my @measurements = map {
        my $load = $_;
        map { $self->_measurement($_, $load) } qw(ours static go);
    } @LOADS;
    $self->{rounds} = Bench::Rounds->measure($options->{rounds}, @measurements);
    return $self;
}

sub report ($self) {
    my $rounds = $self->{rounds};
    my @rows = map {
        my $load = $_;
        map { $self->_row($_, $load) } qw(ours static go);
    } @LOADS;
    return (
        sprintf('Small: responses of %d KiB', BYTES / 1024),
        $rounds->summary($self->{seconds}),
        Bench::Table::aligned(['', 'requests/s', 'p50 ms', 'p99 ms'], @rows),
        (map { $self->_ratios($_) } @LOADS),
        'The cache of video-server holds the one file, or a quarter of the ' . FILES . ' files.',
        '',
        'Small: CPU time per response, ' . _describe($LOADS[0]),
        Bench::Table::aligned(['', '', 'us'], $self->_shares),
        '',
    );
}

sub _shares ($self) {
    my (%sum, @rows);
    for my $share (@SHARES) {
        my ($who, $group, $what) = @$share;
        my $us = $self->{rounds}->spread(_name($who, $LOADS[0]), "${group}_us")->{median};
        $sum{$who} += $us;
        push @rows, [$NAME{$who}, $what, sprintf '%.1f', $us];
    }
    return @rows, map { [$NAME{$_}, 'total', sprintf '%.1f', $sum{$_}] } qw(ours go);
}

sub _row ($self, $who, $load) {
    my ($rounds, $name) = ($self->{rounds}, _name($who, $load));
    return [
        $name,
        Bench::Table::spread('%.0f', $rounds->spread($name, 'requests_rate')),
        map { sprintf '%.2f', $rounds->spread($name, "${_}_us")->{median} / 1000 } qw(p50 p99),
    ];
}

sub _ratios ($self, $load) {
    return map {
        my $ratio = $self->{rounds}->ratio(_name('ours', $load), _name($_, $load), 'requests_rate');
        Bench::Table::ratio('requests/s (' . _describe($load) . ')', @NAME{'ours', $_}, $ratio,
            $_ eq 'go' ? (goal => 'at least ' . GOAL) : ());
    } qw(static go);
}

sub _measurement ($self, $who, $load) {
    return (_name($who, $load) => sub { $self->_load($who, $load, $self->{seconds}) });
}

sub _load ($self, $who, $load, $seconds) {
    my ($connections, $files) = @$load;
    my $cpu = Bench::Cpu->of(%{$self->{processes}{$who} // {}});
    my $measured = Bench::Load->run(
        address     => $self->{$who},
        connections => $connections,
        seconds     => $seconds,
        $files > 1 ? (paths => $self->{paths}{$who}) : (),
    );
    my $used_us = $cpu->used_us;
    return {%$measured, map { ("${_}_us" => $used_us->{$_} / $measured->{requests}) } keys %$used_us};
}

sub _describe ($load) {
    my ($connections, $files) = @$load;
    return "$connections connections, $files " . ($files == 1 ? 'file' : 'files');
}

sub _name ($who, $load) { return "$NAME{$who}, " . _describe($load) }

sub _write_lines ($path, @lines) {
    open my $file, '>', $path or die "cannot write $path: $!\n";
    print {$file} map { "$_\n" } @lines;
    close $file or die "cannot write $path: $!\n";
    return $path;
}

1;
