package Runner::Account;

# A user account of the operating system, and how to run commands as that user. When the
# runner is root, the pools and nginx's workers run as one account and PostgreSQL as
# another; otherwise everything runs as the current user.

use v5.36;

use Runner::Command;

sub current ($class) {
    my @entry = getpwuid $> or die "the user id $> has no entry in passwd\n";
    return $class->new(@entry);
}

sub named ($class, $name) {
    my @entry = getpwnam $name or die "the user $name does not exist\n";
    return $class->new(@entry);
}

sub new ($class, @entry) {
    my ($name, $uid, $gid) = @entry[0, 2, 3];
    return bless {name => $name, uid => $uid, gid => $gid, group => scalar getgrgid $gid}, $class;
}

sub name  ($self) { return $self->{name} }
sub group ($self) { return $self->{group} // $self->{gid} }
sub is_current ($self) { return $self->{uid} == $> }

# The options with which setpriv(1) switches to this user.
sub setpriv_options ($self) {
    return $self->is_current ? () : ("--reuid=$self->{uid}", "--regid=$self->{gid}", '--init-groups');
}

# The command line that runs a command as this user.
sub command ($self, @command) {
    return $self->is_current ? @command : ('setpriv', $self->setpriv_options, '--', @command);
}

# Tries whether this user can enter a folder.
sub can_enter ($self, $folder) { return $self->_can('cd -- "$1"', $folder) }

# Tries whether this user can list a folder and read a file in it.
sub can_read ($self, $folder, $file) { return $self->_can('cd -- "$1" && ls && cat -- "$2"', $folder, $file) }

sub _can ($self, $script, @arguments) {
    my ($status) = Runner::Command::capture([$self->command('sh', '-c', $script, 'sh', @arguments)]);
    return $status == 0;
}

# Creates the folder if it is missing, and sets its owner, group (that of $other, if
# given) and mode. The parent folder must exist. Returns the path.
sub own_folder ($self, $path, $mode, $other = $self) {
    mkdir $path or $!{EEXIST} or die "cannot create the folder $path: $!\n";
    if ($> == 0) {
        chown $self->{uid}, $other->{gid}, $path or die "cannot change the owner of $path to $self->{name}: $!\n";
    }
    chmod $mode, $path or die "cannot set the mode of $path: $!\n";
    return $path;
}

1;
