package Site::Logs;

# The logs of a site, and the lines in them that make a test fail.

use v5.36;

use File::Basename qw(basename);

# Always fails the test.
my $BUG = qr/AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:|panicked| at \S+ line \d+\.$/;

# Fails the test unless it expects the line. (A server that is being stopped may still report a client that
# has disconnected.)
my $FAILURE = qr/
      \blevel=error\b                          # the programs
    | \[(?:error|crit|alert|emerg)\]           # nginx
    | \b(?:ERROR|FATAL|PANIC):[ ][ ](?!terminating[ ](?:connection|autovacuum[ ]process)[ ]due[ ]to[ ]administrator[ ]command)    # PostgreSQL
    | ^video-server:[ ](?!stopping$)           # the runner: a program died or did not start
/x;

# files: a function that returns the paths.
sub new ($class, $files) { return bless {files => $files, expected => []}, $class }

sub expect ($self, @patterns) {
    push @{$self->{expected}}, @patterns;
    return;
}

# The contents of one log: fcgi-api, fcgi-stream, scheduler, nginx, postgresql or site (the runner's).
sub text ($self, $name) {
    my ($path) = grep { basename($_) eq "$name.log" } $self->{files}->();
    return defined $path ? join('', map { "$_\n" } _lines($path)) : '';
}

# The matching lines of all logs, each prefixed with the name of its log.
sub matching ($self, $pattern) {
    return map { my $path = $_; map { basename($path) . ": $_" } grep { $_ =~ $pattern } _lines($path) } $self->{files}->();
}

# The lines that fail the test.
sub unexpected ($self) {
    my @lines = grep { $_ =~ $BUG || !$self->_is_expected($_) } $self->matching(qr/$BUG|$FAILURE/m);
    return @lines;
}

sub _is_expected ($self, $line) { return !!grep { $line =~ $_ } @{$self->{expected}} }

sub _lines ($path) {
    open my $file, '<', $path or return;
    chomp(my @lines = <$file>);
    return @lines;
}

1;
