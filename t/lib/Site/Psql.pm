package Site::Psql;

# Asks a database with psql.

use v5.36;

use IPC::Open3 qw(open3);

use Runner::Account;

# url: how to connect. account: whose process asks.
sub new ($class, %how) { return bless {account => Runner::Account->current, %how}, $class }

# The newest psql that there is. Debian's in /usr/bin is a Perl program, which takes four times as long to begin.
my ($PSQL) = sort { ($b =~ /(\d+)/)[0] <=> ($a =~ /(\d+)/)[0] } glob '/usr/lib/postgresql/*/bin/psql';

# psql itself, for statements on its standard input. It complains of a folder that its user can't enter.
sub command ($self, @options) {
    my @less = map { ('-u', $_) } grep { /^PG/ } keys %ENV;
    my @psql = ($PSQL // 'psql', qw(-X -q -A -t -v ON_ERROR_STOP=1), @options, '-d', $self->{url});
    return $self->{account}->command('env', '--chdir=/', @less, @psql);
}

# The rows, each an array of strings (NULL is undef), and the error, undef when there was none.
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
