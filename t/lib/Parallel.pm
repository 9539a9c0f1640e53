package Parallel;

# Runs several clients at the same time.
#
#   my @statuses = Parallel::at_once(map { my $name = $_; sub { register($name)->status } } @names);

use v5.36;

use POSIX ();

# Runs each function in a child process; all start together. Returns their results, one line of text each,
# in no particular order. The functions must not run tests.
sub at_once (@functions) {
    pipe my $start, my $go or die "no pipe: $!\n";
    pipe my $results, my $result or die "no pipe: $!\n";
    my @pids;
    for my $function (@functions) {
        push @pids, my $pid = fork // die "cannot fork: $!\n";
        next if $pid;
        close $go;
        readline $start;    # blocks until the parent closes its end
        syswrite $result, (eval { $function->() } // "died: $@") =~ s/\n//gr . "\n";
        POSIX::_exit(0);
    }
    close $_ for $start, $result, $go;
    chomp(my @texts = <$results>);
    waitpid $_, 0 for @pids;
    return @texts;
}

1;
