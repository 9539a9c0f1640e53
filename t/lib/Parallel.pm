package Parallel;

# Clients that do things at the same time.
#
#   my @statuses = Parallel::at_once(map { my $name = $_; sub { register($name)->status } } @names);

use v5.36;

use POSIX ();

# Runs each function in a process of its own, all from the same moment on. Returns what they return, one
# line of text each, in no order. They can't make tests of their own.
sub at_once (@functions) {
    pipe my $start, my $go or die "no pipe: $!\n";
    pipe my $results, my $result or die "no pipe: $!\n";
    my @pids;
    for my $function (@functions) {
        push @pids, my $pid = fork // die "cannot fork: $!\n";
        next if $pid;
        close $go;
        readline $start;    # until the test closes its end
        syswrite $result, (eval { $function->() } // "died: $@") =~ s/\n//gr . "\n";
        POSIX::_exit(0);
    }
    close $_ for $start, $result, $go;
    chomp(my @texts = <$results>);
    waitpid $_, 0 for @pids;
    return @texts;
}

1;
