#compdef portkey-admin-mcp
# Completes portkey-admin-mcp in Zsh. In ~/.zshrc, after compinit:
# eval "$(portkey-admin-mcp completion zsh)"
_portkey_admin_mcp() {
    local kind value help program=$words[1]
    local -a plain open
    while IFS=$'\t' read -r kind value help; do
        case $kind in
            '') continue ;;
            file) _files; return ;;
            open) open+=("${value//:/\\:}:$help") ;;
            *) plain+=("${value//:/\\:}:$help") ;;
        esac
    done < <(
        COMP_LINE="${(j: :)words[1,CURRENT]}" \
            _PORTKEY_ADMIN_MCP_COMPLETE=zsh_complete $program completion 2>/dev/null
    )
    (( $#plain )) && _describe -V values plain
    (( $#open )) && _describe -V values open -S ''
    (( $#plain + $#open ))
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _portkey_admin_mcp "$@"
else
    compdef _portkey_admin_mcp portkey-admin-mcp
fi
