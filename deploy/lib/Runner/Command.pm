package Runner::Command;

# Runs a command to its end. It has a session and a signal mask of its own, so that Ctrl-C cannot cut
# off half of what it does.

use v5.36;

use POSIX ();

# Its wait status, and what it wrote to standard output and standard error. It reads $input.
sub capture ($command, $input = '') {
    open my $source, '+>', undef or die "cannot make a temporary file: $!\n";
    print {$source} $input;
    seek $source, 0, 0;
    pipe my $reader, my $writer or die "cannot make a pipe: $!\n";
    my $pid = fork // die "cannot fork: $!\n";
    become($command, $source, $writer) if !$pid;
    close $writer;
    my $output = do { local $/; <$reader> } // '';
    waitpid $pid, 0;
    return ($?, $output);
}

# What it wrote; fails when the command does.
sub output ($command, $input = '') {
    my ($status, $output) = capture($command, $input);
    die "$command->[0] failed: $output\n" if $status != 0;
    return $output;
}

# In a forked child: turns into the command. Does not return.
sub become ($command, $stdin, $output) {
    POSIX::setsid();
    $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP CHLD ALRM PIPE);
    POSIX::sigprocmask(POSIX::SIG_SETMASK, POSIX::SigSet->new);
    open STDIN,  '<&', $stdin;
    open STDOUT, '>&', $output;
    open STDERR, '>&', $output;
    { no warnings 'exec'; exec {$command->[0]} @$command }
    print STDERR "cannot run $command->[0]: $!\n";
    POSIX::_exit(127);
}

1;
