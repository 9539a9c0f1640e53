package Bench::Upload;

# How fast a film arrives: by us against nginx's own WebDAV PUT to the same disk. What it takes of memory, and what
# many slow uploads at once do to those who look up videos.

use v5.36;

use IO::Handle  ();
use List::Util  qw(max);
use POSIX       ();
use Time::HiRes qw(sleep time);

use Bench::Crowd;
use Bench::Data;
use Bench::Load;
use Bench::Memory;
use Bench::Rounds;
use Bench::Table;
use Runner::Command;

use constant {
    BYTES        => 240_000_000,
    SMALL_BYTES  => 1_000_000,
    SMALL_ONES   => 50,             # so that each thread has had one
    CROWD        => 500,
    MORE_TOKENS  => 64,
    CONNECTIONS  => 4,              # that look up videos
    WARM_UP      => 1,              # seconds
    GOAL_RAW     => 1.05,
    GOAL_FORM    => 1.3,
    GOAL_MEMORY  => 1_000_000,
    SAMPLE_S     => 0.002,
    TIMEOUT     => 60,
    NETWORK      => 125_000_000,    # bytes/s: 1 Gbit/s
};

my %NAME = (
    raw     => 'video-server, raw',
    form    => 'video-server, form',
    dav     => 'WebDAV PUT',
    durable => 'WebDAV PUT, then fsync',
);
my ($ALONE, $CROWDED) = ('alone', 'during ' . CROWD . ' slow uploads');

sub prepare ($class, $stand) {
    my $site = $stand->site;
    my ($id, $film) = Bench::Data::add_video($site, 'uploaded', BYTES);
    my (undef, $small) = Bench::Data::add_video($site, 'uploaded small', SMALL_BYTES);
    my $self = bless {
        stand => $stand, site => $site, film => $film, small => $small,
        ours    => $stand->address . "/stream/videos/$id",
        other   => $stand->other_address . '/put/film',
        put     => $stand->folder . '/put/film',
        session => Bench::Data::author($site)->session,
    }, $class;
    $self->_put($film);
    my ($media, $put) = map { (stat)[0] } $site->{media}, $self->{put};
    die "what is compared is not on one disk\n" if $media != $put;
    return $self;
}

sub measure ($self, $options) {
    $self->{seconds} = $options->{seconds};
    my %way = (
        raw     => sub { $self->_raw($self->{film}) },
        form    => sub { $self->_form($self->{film}) },
        dav     => sub { $self->_put($self->{film}) },
        durable => sub { $self->_put($self->{film}) + $self->_sync },
    );
    for my $rate (undef, NETWORK) {
        push @{$self->{rounds}}, Bench::Rounds->measure($options->{rounds}, map {
            my $way = $way{$_};
            ($NAME{$_} => sub { local $self->{rate} = $rate; $self->_several($way) })
        } qw(raw dav form durable));
    }
    $self->{growth} = {map { $_ => $self->_growth("_$_") } qw(raw form)};
    $self->{stand}->set_tokens(upload => CROWD + MORE_TOKENS);
    $self->_look_up(WARM_UP);
    $self->{crowded} = Bench::Rounds->measure($options->{rounds},
        $ALONE   => sub { $self->_look_up($self->{seconds}) },
        $CROWDED => sub { $self->_look_up_crowded },
    );
    return $self;
}

sub report ($self) {
    my ($memory_speed, $network_speed) = @{$self->{rounds}};
    my $crowded = $self->{crowded};
    return (
        sprintf('Upload: a film of %d MB, one after the other.', BYTES / 1e6),
        $memory_speed->summary($self->{seconds}),
        'From this machine, as fast as it comes:',
        _times($memory_speed),
        sprintf('At the speed of a network of %.0f Gbit/s:', NETWORK * 8 / 1e9),
        _times($network_speed),
        sprintf('The goals are %s raw and %s as a form. We answer once the film is sure to outlive a power cut, which WebDAV'
            . ' PUT leaves to chance.', GOAL_RAW, GOAL_FORM),
        sprintf('Resident memory of the pools, more than with %d MB: raw %.0f KB, form %.0f KB; the goal is at most %.0f.',
            SMALL_BYTES / 1e6, map { $_ / 1000 } @{$self->{growth}}{qw(raw form)}, GOAL_MEMORY),
        sprintf('GET /api/videos/:vid, on %d connections:', CONNECTIONS),
        Bench::Table::aligned(
            ['', 'requests/s', 'p50 ms', 'p99 ms'],
            map { my $name = $_; [
                $name, Bench::Table::spread('%.0f', $crowded->spread($name, 'requests_rate')),
                map { sprintf '%.2f', $crowded->spread($name, "${_}_us")->{median} / 1000 } qw(p50 p99),
            ] } $ALONE, $CROWDED
        ),
        "Median time, $CROWDED / $ALONE: " . Bench::Table::spread('%.2f', $crowded->ratio($CROWDED, $ALONE, 'p50_us')),
        'The goal is 1.',
        '',
    );
}

sub _times ($rounds) {
    return (
        Bench::Table::aligned(
            ['', 'ms'],
            map { [$NAME{$_}, Bench::Table::spread('%.0f', $rounds->spread($NAME{$_}, 'ms'))] } qw(raw form dav durable),
        ),
        map {
            my ($one, $other) = @NAME{@$_};
            "Time, $one / $other: " . Bench::Table::spread('%.2f', $rounds->ratio($one, $other, 'ms'))
        } [qw(raw dav)], [qw(form dav)], [qw(raw durable)], [qw(form durable)],
    );
}

# {ms}: the median of as many as there is time for.
sub _several ($self, $way) {
    my $end = time + $self->{seconds};
    my @ms;
    do {
        $self->_settle;
        push @ms, $way->();
    } while time < $end;
    @ms = sort { $a <=> $b } @ms;
    return {ms => $ms[$#ms / 2]};
}

# What was written before, and what it has replaced, is no longer anybody's work.
sub _settle ($self) {
    my $deadline = time + TIMEOUT;
    unlink $self->{put};
    while ($self->{site}->sql('SELECT count(*) FROM video_deletions')) {
        die "the films before are not deleted\n" if time > $deadline;
        sleep 0.02;
    }
    Runner::Command::output(['sync', '-f', $self->{site}{media}]);
    return;
}

sub _raw  ($self, $file) { return $self->_send(201, $self->_to_us, '-X', 'POST', '-T', $file, $self->{ours}) }
sub _form ($self, $file) { return $self->_send(201, $self->_to_us, '-F', "file=\@$file", $self->{ours}) }
sub _put  ($self, $file) { return $self->_send(201, '-T', $file, $self->{other}) }

sub _to_us ($self) { return ('-H', "X-Session-Id: $self->{session}") }

# Milliseconds until curl has the answer.
sub _send ($self, $status, @arguments) {
    my @rate = $self->{rate} ? ('--limit-rate', $self->{rate}) : ();
    my $output = Runner::Command::output(['curl', '-s', @rate, '-o', '/dev/null', '-w', '%{http_code} %{time_total}', @arguments]);
    my ($answered, $seconds) = $output =~ /^(\d+) ([\d.]+)$/ or die "curl says: $output\n";
    die "an upload is answered with $answered\n" if $answered != $status;
    return 1000 * $seconds;
}

# Milliseconds until what was PUT is durable.
sub _sync ($self) {
    my $begin = time;
    open my $file, '+<', $self->{put} or die "cannot open $self->{put}: $!\n";
    $file->sync or die "cannot sync $self->{put}: $!\n";
    return 1000 * (time - $begin);
}

# Bytes by which the pools are larger during an upload of the film than during one of the small one.
sub _growth ($self, $way) {
    $self->$way($self->{small}) for 1 .. SMALL_ONES;
    my ($small, $large) = map { $self->_highest($way, $self->{$_}) } qw(small film);
    return max(0, $large - $small);
}

# Bytes of the pools' resident memory at its highest during an upload.
sub _highest ($self, $way, $file) {
    my $memory = Bench::Memory->of($self->{site});
    my $pid = fork // die "cannot fork: $!\n";
    if (!$pid) {
        my $sent = eval { $self->$way($file) };
        print STDERR $@ if !$sent;
        POSIX::_exit($sent ? 0 : 1);
    }
    my $highest = 0;
    until (waitpid $pid, POSIX::WNOHANG) {
        $highest = max($highest, $memory->now('fcgi'));
        sleep SAMPLE_S;
    }
    die "an upload failed\n" if $?;
    return max($highest, $memory->now('fcgi'));
}

sub _look_up ($self, $seconds) {
    return Bench::Load->run(
        address     => $self->{stand}->address,
        videos      => Bench::Data::VIDEOS,
        connections => CONNECTIONS,
        seconds     => $seconds,
    );
}

sub _look_up_crowded ($self) {
    my $crowd = Bench::Crowd->start($self->{site}, CROWD, $self->{session}, $self->{ours});
    $self->_look_up(WARM_UP);
    my $measured = $self->_look_up($self->{seconds});
    $crowd->stop;
    return $measured;
}

1;
