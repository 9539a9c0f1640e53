package Site::Processes;

# The processes of a site, found in /proc.

use v5.36;

use Time::HiRes qw(sleep time);

use constant KILL_SECONDS => 10;

# [pid, parent, name] of all descendants of a process, parents before children.
sub below ($root) {
    my %children;
    for my $path (glob '/proc/[0-9]*/stat') {
        my $stat = _read($path) // next;
        my ($pid, $name, $parent) = $stat =~ /^(\d+) \((.*)\) \S (\d+)/s or next;
        push @{$children{$parent}}, [$pid, $parent, $name];
    }
    my @found = @{$children{$root} // []};
    for (my $i = 0; $i < @found; $i++) {
        push @found, @{$children{$found[$i][0]} // []};
    }
    return @found;
}

# The processes that use one of the folders: as their working directory, through an open file or in their
# initial environment. Empty names are ignored, since they would match every process.
sub using (@folders) {
    my $inside = join '|', map { quotemeta } grep { length } @folders;
    return if $inside eq '';
    my @found;
    for my $process (grep { $_ ne "/proc/$$" } glob '/proc/[0-9]*') {
        my @links = grep { defined } map { readlink } "$process/cwd", glob "$process/fd/*";
        my $environment = _read("$process/environ") // '';
        next if !grep { m{^(?:$inside)(?:/|$)} } @links and $environment !~ m{=(?:$inside)(?:[/\0])};
        push @found, $process =~ s{.*/}{}r . ' ' . (_read("$process/cmdline") // '') =~ tr/\0/ /r;
    }
    return @found;
}

# Kills these processes and waits (at most KILL_SECONDS) until they have ended: until then they may still
# write.
sub kill_using (@folders) {
    my $deadline = time + KILL_SECONDS;
    while (my @left = using(@folders)) {
        kill 'KILL', map { /^(\d+)/ } @left;
        last if time > $deadline;
        sleep 0.02;
    }
    return;
}

sub is_alive ($pid) { return -e "/proc/$pid" && (_read("/proc/$pid/stat") // '') !~ /\) Z / }

sub _read ($path) {
    open my $file, '<', $path or return;
    local $/;
    return scalar <$file>;
}

1;
