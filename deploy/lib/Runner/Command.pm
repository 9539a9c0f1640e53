package Runner::Command;

# Runs a command and waits until it exits. The command has its own session and signal
# mask, so that Ctrl-C does not interrupt it halfway.

use v5.36;

use POSIX ();

# Runs the command with $input as standard input. Returns its wait status, and its
# standard output and standard error together.
sub capture ($command, $input = '') {
    open my $source, '+>', undef or die "cannot create a temporary file: $!\n";
    print {$source} $input;
    seek $source, 0, 0;
    pipe my $reader, my $writer or die "cannot create a pipe: $!\n";
    my $pid = fork // die "cannot fork: $!\n";
    become($command, $source, $writer) if !$pid;
    close $writer;
    my $output = do { local $/; <$reader> } // '';
    waitpid $pid, 0;
    return ($?, $output);
}

# Returns the command's output. Dies when the command fails.
sub output ($command, $input = '') {
    my ($status, $output) = capture($command, $input);
    die "$command->[0] failed: $output\n" if $status != 0;
    return $output;
}

# Replaces this (forked) process with the command. Does not return.
sub become ($command, $stdin, $output) {
    POSIX::setsid();
    $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP CHLD ALRM PIPE);
    POSIX::sigprocmask(POSIX::SIG_SETMASK, POSIX::SigSet->new);
    open STDIN,  '<&', $stdin;
    open STDOUT, '>&', $output;
    open STDERR, '>&', $output;
    { no warnings 'exec'; exec {$command->[0]} @$command }    ## no critic (NoWarnings): it may fail
    print STDERR "cannot run $command->[0]: $!\n";
    POSIX::_exit(127);
}

1;
