package Site::Psql;

# Executes statements with psql.

use v5.36;

use IPC::Open3 qw(open3);

use Runner::Account;

# url: the connection string. account: the account to run psql as.
sub new ($class, %how) { return bless {account => Runner::Account->current, %how}, $class }

# The newest psql installed. Debian's wrapper in /usr/bin is a Perl program and takes four times as long to
# start.
my ($PSQL) = sort { ($b =~ /(\d+)/)[0] <=> ($a =~ /(\d+)/)[0] } glob '/usr/lib/postgresql/*/bin/psql';

# The command for psql, which reads statements from its standard input. It starts in /, since psql warns
# about a folder that its user can't enter.
sub command ($self, @options) {
    my @less = map { ('-u', $_) } grep { /^PG/ } keys %ENV;
    my @psql = ($PSQL // 'psql', qw(-X -q -A -t -v ON_ERROR_STOP=1), @options, '-d', $self->{url});
    return $self->{account}->command('env', '--chdir=/', @less, @psql);
}

# Returns the rows, each an array of strings (NULL is undef), and the error (undef if there was none).
sub ask ($self, $statements) {
    my $pid = open3(my $in, my $out, undef, $self->command('-P', 'null=\N', '-F', "\x1f", '-R', "\x1e"));
    print {$in} "SET client_min_messages = error;\n$statements\n";
    close $in;
    my $output = do { local $/; <$out> } // '';
    waitpid $pid, 0;
    return ([], $output) if $? != 0;
    $output =~ s/\n\z//;
    my @rows = map { [map { $_ eq '\N' ? undef : $_ } split /\x1f/, $_, -1] } split /\x1e/, $output;
    return (\@rows, undef);
}

1;
