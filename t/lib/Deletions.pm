package Deletions;

# Files to delete, many at a time, and the deletion table.
#
#   my $deletions = Deletions->new($site);
#   my @keys = $deletions->make_files(500);
#   $deletions->queue(@keys);
#   $deletions->all_done('all files are deleted');

use v5.36;

use FindBin ();

use lib "$FindBin::Bin/../deploy/lib";
use Cluster;
use Faults;
use Program;
use Runner::Account;
use Site;

use constant TIMEOUT => 60;    # seconds

# A site with the fault-injection programs and a PostgreSQL that the test may stop.
# Returns the site, its Deletions, the Faults and the Cluster.
sub with_faults ($class) {
    my $faults = Faults->new;
    my $cluster = Cluster->start;
    my $site = Site->start(
        build                 => Faults::build(),
        cluster               => $cluster,
        FAULT_DIR             => $faults->folder,
        VS_SCHEDULER_INTERVAL => '1s',
    );
    return ($site, $class->new($site), $faults, $cluster);
}

sub new ($class, $site) { return bless {site => $site, account => _pools()}, $class }

# The account that the pools run as.
sub _pools () { return $> == 0 ? Runner::Account->named('www-data') : Runner::Account->current }

sub path ($self, $key) { return $self->folder($key) . "/$key" }

# The folder of a key's file.
sub folder ($self, $key) { return "$self->{site}{media}/" . substr $key, 0, 2 }

# Creates files with new keys, as uploads would. All are in one folder when its name, two
# hexadecimal digits, is given. Returns their keys.
sub make_files ($self, $count, $folder = undef) {
    my @keys = map { _key($folder) } 1 .. $count;
    $self->make_file($_) for @keys;
    return @keys;
}

sub make_empty_files ($self, $count) {
    my @keys = map { _key(undef) } 1 .. $count;
    $self->make_file($_, '') for @keys;
    return @keys;
}

sub make_file ($self, $key, $content = "the video $key\n") {
    $self->{account}->own_folder($self->folder($key), 0750);
    open my $file, '>', $self->path($key) or die "cannot write @{[$self->path($key)]}: $!\n";
    print {$file} $content;
    close $file or die "cannot write @{[$self->path($key)]}: $!\n";
    chown $self->{account}{uid}, $self->{account}{gid}, $self->path($key) if $> == 0;
    return;
}

sub _key ($folder) {
    my $hex = join '', map { sprintf '%04x', int rand 65_536 } 1 .. 8;
    substr $hex, 0, 2, $folder if defined $folder;
    substr $hex, 12, 1, '4';
    substr $hex, 16, 1, 'a';
    return $hex =~ s/^(.{8})(.{4})(.{4})(.{4})/$1-$2-$3-$4-/r;
}

# Queues the files for deletion, in one transaction.
sub queue ($self, @keys) {
    my $keys = join ',', map { "'$_'" } @keys;
    return $self->{site}->sql("INSERT INTO video_deletions (video_id, media_key) SELECT 1, unnest(ARRAY[$keys]::uuid[])");
}

# Queues the files as if another daemon held a lease on them for the interval.
sub queue_leased ($self, $interval, @keys) {
    my $keys = join ',', map { "'$_'" } @keys;
    return $self->{site}->sql('INSERT INTO video_deletions (video_id, media_key, leased_until)'
            . " SELECT 1, unnest(ARRAY[$keys]::uuid[]), now() + interval '$interval'");
}

# The number of rows in the deletion table, or of those that match the condition.
sub rows ($self, $where = 'true') { return $self->{site}->sql("SELECT count(*) FROM video_deletions WHERE $where") }

# A column of a key's row.
sub value ($self, $column, $key) {
    return $self->{site}->sql("SELECT $column FROM video_deletions WHERE media_key = '$key'");
}

# How many of the keys still have a file.
sub left ($self, @keys) { return scalar grep { -e $self->path($_) } @keys }

# Makes all leases expire.
sub expire_leases ($self) {
    return $self->{site}->sql('UPDATE video_deletions SET leased_until = now() WHERE leased_until IS NOT NULL');
}

# Starts another scheduler on the same table and media folder: with FAULT_DIR, the one
# with fault injection.
sub daemon ($self, %settings) {
    local $ENV{VS_BUILD} = Faults::build() if $settings{FAULT_DIR};
    return Program->start('scheduler',
        VS_DATABASE_URL       => $self->{site}->database_url,
        VS_MEDIA_DIR          => $self->{site}{media},
        VS_SCHEDULER_INTERVAL => '1s',
        %settings);
}

# The pid of the scheduler's worker. Waits until there is one.
sub worker ($self) {
    my $worker;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $self->{site}->soon(sub { (undef, $worker) = $self->{site}->pids('scheduler'); $worker }, 'the scheduler has a worker');
    return $worker;
}

# Waits until all files are deleted, and all rows.
sub all_done ($self, $name) {
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return $self->{site}->soon(sub { $self->is_done }, $name, TIMEOUT);
}

sub is_done ($self) { return !$self->rows && !$self->{site}->media_files }

1;
