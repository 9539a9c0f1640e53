package Bench::Deletions;

# How fast files go: by the scheduler against graphile-worker, both on the same PostgreSQL. Both unlink; the
# scheduler also makes that durable before it forgets of it. What the disk itself takes is shown by a loop that does
# nothing but unlink; most of it is for the files' blocks, so there are empty files, too.

use v5.36;

use Time::HiRes qw(sleep time);

use Bench::Graphile;
use Bench::Rounds;
use Bench::Table;
use Deletions;
use Runner::Command;

use constant {
    BULK_A_SECOND => 2_500,      # files of a bulk, times the seconds of a measurement
    ONES_A_SECOND => 25,         # files that are deleted one by one, the same
    WAITING       => [1_000, 10_000, 100_000, 1_000_000],
    WAITING_LEAST => 8,          # with fewer seconds, the largest of these are left out
    GOAL          => 10,
    GOAL_P50_MS   => 5,
    GOAL_P95_MS   => 20,
    TIMEOUT      => 600,        # seconds
};

use constant FILES => ('files of a block', 'empty files');

sub prepare ($class, $stand) {
    my $site = $stand->site;
    my $folder = $site->folder . '/graphile';
    mkdir $folder or die "cannot make $folder: $!\n";
    my $run = readlink $site->state_path('run');
    my $self = bless {site => $site, files => Deletions->new($site)}, $class;
    $self->{graphile} = Bench::Graphile->start(folder => $folder, database => "$run/postgresql");
    $self->{name} = {ours => 'video-server', other => $self->{graphile}->name, alone => 'unlink alone'};
    return $self;
}

sub measure ($self, $options) {
    my $seconds = $self->{seconds} = $options->{seconds};
    my @bulks = map {
        my ($who, $files) = @$_;
        $self->_bulk_name($who, $files) => sub { $self->_bulk($who, $files, BULK_A_SECOND * $seconds) };
    } map { my $files = $_; map { [$_, $files] } qw(ours alone other) } FILES;
    my @singles = map {
        my $who = $_;
        "$self->{name}{$who}, single" => sub { $self->_single($who, ONES_A_SECOND * $seconds) };
    } qw(ours other);
    $self->{rounds} = Bench::Rounds->measure($options->{rounds}, @bulks, @singles);
    $self->{graphile}->stop;
    $self->{waiting} = [map { $self->_drain($_) } grep { $seconds >= WAITING_LEAST || $_ <= 10_000 } @{+WAITING}];
    return $self;
}

sub report ($self) {
    my $rounds = $self->{rounds};
    my @names = @{$self->{name}}{qw(ours other)};
    return (
        sprintf('Deletions: %d files at once, then %d one by one.', map { $_ * $self->{seconds} } BULK_A_SECOND, ONES_A_SECOND),
        "$rounds->{rounds} rounds, taking turns; medians, and (lowest-highest).",
        Bench::Table::aligned(
            ['deletions/s', $self->{name}{alone}, @names, 'ratio'],
            map { $self->_bulk_row($_) } FILES,
        ),
        "The ratio is $names[0] to $names[1].",
        Bench::Table::aligned(
            ['one by one', 'p50 ms', 'p95 ms'],
            map { $self->_single_row($_) } @names,
        ),
        sprintf('The goals are %d, and from COMMIT to the file being gone %d ms (median) and %d ms (95th percentile).',
            GOAL, GOAL_P50_MS, GOAL_P95_MS),
        'Deletions of which so many wait (their files are gone already):',
        Bench::Table::aligned(['waiting', 'us each'], map { [$_->{count}, sprintf '%.1f', $_->{us}] } @{$self->{waiting}}),
        '',
    );
}

sub _bulk_name ($self, $who, $files) { return "$self->{name}{$who}, $files" }

sub _bulk_row ($self, $files) {
    my $rounds = $self->{rounds};
    my %name = map { $_ => $self->_bulk_name($_, $files) } qw(ours alone other);
    return [
        $files,
        (map { Bench::Table::spread('%.0f', $rounds->spread($name{$_}, 'rate')) } qw(alone ours other)),
        Bench::Table::spread('%.1f', $rounds->ratio(@name{qw(ours other)}, 'rate')),
    ];
}

sub _single_row ($self, $name) {
    my $rounds = $self->{rounds};
    return [
        $name,
        map { Bench::Table::spread('%.2f', $rounds->spread("$name, single", $_)) } qw(p50_ms p95_ms),
    ];
}

# The statement that has files deleted, by their keys.
sub _statement ($self, $who, @keys) {
    my $values = join ',', map { "('$_')" } @keys;
    return "INSERT INTO video_deletions (video_id, media_key) SELECT 1, key::uuid FROM (VALUES $values) k (key);"
        if $who eq 'ours';
    my $media = $self->{site}{media};
    return "SELECT count(graphile_worker.add_job('unlink', json_build_object('path',"
        . " '$media/' || left(key, 2) || '/' || key))) FROM (VALUES $values) k (key);";
}

# Files that are on disk before anything is measured; else whoever flushes first would write them there.
sub _make_files ($self, $count, $files) {
    my @keys = $files eq 'empty files' ? $self->{files}->make_empty_files($count) : $self->{files}->make_files($count);
    Runner::Command::output(['sync', '-f', $self->{site}{media}]);
    return @keys;
}

# {rate}: files a second, from the commit until the last has gone.
sub _bulk ($self, $who, $files, $count) {
    my @keys = $self->_make_files($count, $files);
    my @left = map { $self->{files}->path($_) } @keys;
    return _unlink_all(@left) if $who eq 'alone';
    my $psql = _Psql->new($self->{site}->database_url);
    my $start = $psql->do($self->_statement($who, @keys));
    while (@left) {
        pop @left while @left && !-e $left[-1];
        die "$self->{name}{$who} does not delete all\n" if time - $start > TIMEOUT;
        sleep 0.002;
    }
    my $seconds = time - $start;
    return {rate => $count / $seconds};
}

# {rate}: the same without anybody to be told or to remember.
sub _unlink_all (@paths) {
    my $start = time;
    unlink == 1 or die "cannot unlink $_: $!\n" for @paths;
    return {rate => @paths / (time - $start)};
}

# {p50_ms, p95_ms}: from the commit of one until its file has gone.
sub _single ($self, $who, $count) {
    my @keys = $self->_make_files($count, (FILES)[0]);
    my $psql = _Psql->new($self->{site}->database_url);
    my @ms;
    for my $key (@keys) {
        my $path = $self->{files}->path($key);
        my $start = $psql->do($self->_statement($who, $key));
        while (-e $path) {
            die "$self->{name}{$who} does not delete $path\n" if time - $start > TIMEOUT;
        }
        push @ms, 1000 * (time - $start);
        sleep 0.01;    # so that it is idle again
    }
    @ms = sort { $a <=> $b } @ms;
    return {p50_ms => $ms[@ms / 2], p95_ms => $ms[@ms * 0.95]};
}

# {count, us}: so many rows at once, and the microseconds that each takes.
sub _drain ($self, $count) {
    print STDERR "$count waiting\n";
    my $psql = _Psql->new($self->{site}->database_url);
    my $start = $psql->do('INSERT INTO video_deletions (video_id, media_key)'
            . " SELECT 1, gen_random_uuid() FROM generate_series(1, $count);");
    while ($psql->ask('SELECT EXISTS (SELECT FROM video_deletions);') ne 'f') {
        die "the scheduler does not end\n" if time - $start > TIMEOUT;
        sleep 0.005;
    }
    return {count => $count, us => 1e6 * (time - $start) / $count};
}

# One session with the database.
package _Psql;

use IPC::Open2  qw(open2);
use Time::HiRes qw(time);

sub new ($class, $url) {
    my $self = bless {}, $class;
    $self->{pid} = open2($self->{answers}, $self->{asks}, qw(psql -X -q -A -t -v ON_ERROR_STOP=1), $url);
    $self->{asks}->autoflush;
    $self->ask('SELECT 1;');
    return $self;
}

# The first line of the statement's answer.
sub ask ($self, $statement) {
    print {$self->{asks}} "$statement\n";
    my $line = readline($self->{answers}) // die "the database refused it: " . substr($statement, 0, 100) . "\n";
    chomp $line;
    return $line;
}

# Executes the statement, a transaction by itself. Returns the time at which it was known to be committed.
sub do ($self, $statement) {
    print {$self->{asks}} "$statement\n\\echo done\n";
    while (defined(my $line = readline $self->{answers})) {
        return time if $line eq "done\n";
    }
    die "the database refused it: " . substr($statement, 0, 100) . "\n";
}

sub DESTROY ($self) {
    local ($?, $!, $@);
    close $self->{asks};
    close $self->{answers};
    waitpid $self->{pid}, 0;
    return;
}

1;
