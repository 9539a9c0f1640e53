package Runner::Places;

# The site's folders. Persistent data is in the state folder:
#
#   lock  log/  postgresql/  media/ (or VS_MEDIA_DIR)  run (a link to the run folder)
#
# Data that need not survive a reboot is in the run folder on tmpfs. Its name is a hash of
# the state folder's path, because the path of a unix socket is limited to 107 bytes:
#
#   pool/        the pools' sockets and the journal; owned by the pools' user
#   nginx/       nginx's configuration and temporary files
#   postgresql/  PostgreSQL's socket
#   web/         a copy of the web folder, when nginx cannot read the original

use v5.36;

use Cwd         ();
use Digest::SHA ();
use File::Path  ();
use File::Spec  ();

use Runner::Account;
use Runner::Command;

use constant {
    TMPFS           => '/dev/shm',
    SYSTEM_STATE => '/var/lib/video-server',
};

# Determines the paths; creates nothing.
#
# checkout  folder of the source tree
# pools     account of the pools and of nginx's workers
# database  account of the site's own PostgreSQL; undef when the site uses another server
sub new ($class, %site) {
    my $self = bless {%site}, $class;
    $self->{state} = $self->_state;
    $self->{run} = sprintf '%s/video-server-%d-%s', TMPFS, $>, substr Digest::SHA::sha1_hex($self->{state}), 0, 12;
    return $self;
}

sub state_folder ($self)        { return $self->{state} }
sub run_folder   ($self)        { return $self->{run} }
sub state_path   ($self, $name) { return "$self->{state}/$name" }
sub run_path     ($self, $name) { return "$self->{run}/$name" }

# The value of VS_MEDIA_DIR when it is set, otherwise media/ in the state folder.
sub media_folder ($self, $setting) {
    return $setting eq '' ? $self->state_path('media') : Cwd::realpath($setting) // File::Spec->rel2abs($setting);
}

# Creates the state folder. Dies when one of the accounts cannot enter it.
sub make_state ($self) {
    _make_path($self->{state});
    _require_entry($_, $self->{state}, 'VS_STATE_DIR') for $self->_accounts;
    return;
}

# Creates the other folders. Dies when the pools' user cannot enter the media folder.
sub make_folders ($self, $media) {
    my $me = Runner::Account->current;
    # nginx's workers reopen their log, so their group must reach it.
    $me->own_folder($self->state_path('log'), 0750, $self->{pools});
    _make_path($media) if $media ne $self->state_path('media');
    $self->{pools}->own_folder($media, 0750);
    _require_entry($self->{pools}, $media, 'VS_MEDIA_DIR');
    $self->{pools}->own_folder("$media/incoming", 0750);

    $self->_make_run;
    $self->{pools}->own_folder($self->run_path('pool'), 0750);
    $me->own_folder($self->run_path('nginx'), 0755);
    $self->{database}->own_folder($self->run_path('postgresql'), 0755) if $self->{database};
    return;
}

# A folder where nginx's workers can read the website: the web folder of the checkout, or
# a copy.
sub web_folder ($self) {
    my $original = "$self->{checkout}/web";
    return $original if $self->{pools}->can_read($original, 'index.html') && $original !~ /["\\\$]/;
    my $copy = $self->run_path('web');
    File::Path::remove_tree($copy);
    Runner::Command::output(['cp', '-R', '--', $original, $copy]);
    Runner::Command::output(['chmod', '-R', 'a+rX', '--', $copy]);
    return $copy;
}

# VS_STATE_DIR when it is set; otherwise var/ in the checkout when all accounts can enter
# the checkout; otherwise a folder in /var/lib.
sub _state ($self) {
    my $setting = $ENV{VS_STATE_DIR} // '';
    return Cwd::realpath($setting) // File::Spec->rel2abs($setting) if $setting ne '';
    my $default_path = "$self->{checkout}/var";
    return $default_path unless grep { !$_->can_enter($self->{checkout}) } $self->_accounts;
    my $name = $self->{checkout} =~ s{.*/}{}r =~ s{[^\w.-]+}{-}gr;
    return sprintf '%s/%s-%s', SYSTEM_STATE, $name, substr Digest::SHA::sha1_hex($self->{checkout}), 0, 8;
}

sub _accounts ($self) { return grep { defined } @$self{qw(pools database)} }

# Any user can write to /dev/shm, so an existing folder must be owned by this user and
# must not be a link.
sub _make_run ($self) {
    my $path = $self->{run};
    mkdir $path, 0711 or $!{EEXIST} or die "cannot create the folder $path: $!\n";
    my ($mode, $owner) = (lstat $path)[2, 4];
    die "$path is not a folder owned by this user; remove it\n" if !-d _ || -l _ || $owner != $>;
    chmod 0711, $path or die "cannot set the mode of $path: $!\n";

    my $link = $self->state_path('run');
    return if (readlink $link // '') eq $path;
    unlink $link;
    symlink $path, $link or die "cannot create the link $link: $!\n";
    return;
}

sub _require_entry ($account, $folder, $setting) {
    return if $account->can_enter($folder);
    die sprintf "the user %s cannot enter %s; set %s to a folder that it can enter\n", $account->name, $folder, $setting;
}

sub _make_path ($path) {
    File::Path::make_path($path, {error => \my $errors});
    return if !@$errors;
    my ($reason) = values %{$errors->[0]};
    die "cannot create the folder $path: $reason\n";
}

1;
